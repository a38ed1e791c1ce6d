//! Certificate authorities of a test, servers with their certificates, and a proxy that opens tunnels.
//!
//! A TLS front passes what it decrypts to a plain server on loopback; a tunnel leads to one port, whatever host was
//! asked for. So names that do not exist anywhere can be reached over real TLS.

use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// A certificate authority, and what it signs.
pub struct TestAuthority {
    pub pem: String,
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate with its key.
pub struct IssuedCertificate {
    certificate: CertificateDer<'static>,
    key: Vec<u8>,
}

impl TestAuthority {
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate").der().clone();
        let pem = format_pem("CERTIFICATE", &certificate);
        Self { pem, certificate, issuer: Issuer::new(params, key) }
    }

    /// A certificate for `name` until `year`.
    pub fn issue(&self, name: &str, year: i32) -> IssuedCertificate {
        let mut params = CertificateParams::new([name.to_owned()]).expect("a name");
        params.not_after = date_time_ymd(year, 1, 1);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate").der().clone();
        IssuedCertificate { certificate, key: key.serialize_der() }
    }
}

impl IssuedCertificate {
    pub fn certificate_pem(&self) -> String {
        format_pem("CERTIFICATE", &self.certificate)
    }

    pub fn key_pem(&self) -> String {
        format_pem("PRIVATE KEY", &self.key)
    }

    /// A server with this certificate; with `clients`, only for clients that this authority knows.
    pub fn build_server_config(&self, protocol: &str, clients: Option<&TestAuthority>) -> ServerConfig {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(Arc::clone(&provider));
        let config = config.with_safe_default_protocol_versions().expect("versions");
        let config = match clients {
            None => config.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(authority.certificate.clone()).expect("a root");
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                config.with_client_cert_verifier(verifier.build().expect("a verifier"))
            }
        };
        let key = PrivatePkcs8KeyDer::from(self.key.clone());
        let mut config =
            config.with_single_cert(vec![self.certificate.clone()], key.into()).expect("a key that fits");
        config.alpn_protocols = vec![protocol.into()];
        config
    }
}

fn format_pem(label: &str, bytes: &[u8]) -> String {
    let text = BASE64_STANDARD.encode(bytes);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).expect("ASCII")).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// Starts a TLS server that passes everything to a plain one; gives its port. It lives as long as the process.
pub fn start_tls_front(config: ServerConfig, plain_port: u16) -> u16 {
    let acceptor = TlsAcceptor::from(Arc::new(config));
    serve_connections(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut outer) = acceptor.accept(stream).await else { return };
            let Ok(mut inner) = TcpStream::connect(("127.0.0.1", plain_port)).await else { return };
            let _ = copy_bidirectional(&mut outer, &mut inner).await;
        }
    })
}

/// A proxy that opens every tunnel to one port.
pub struct TunnelProxy {
    pub port: u16,
    heard: Arc<Mutex<Vec<String>>>,
}

impl TunnelProxy {
    /// With `refusal`, it answers that in place of a tunnel.
    pub fn start(to_port: u16, refusal: Option<&'static str>) -> Self {
        let heard: Arc<Mutex<Vec<String>>> = Arc::default();
        let own = Arc::clone(&heard);
        let port = serve_connections(move |mut stream| {
            let own = Arc::clone(&own);
            async move {
                let Some(head) = read_head(&mut stream).await else { return };
                own.lock().expect("no panic").push(head);
                let answer = refusal.unwrap_or("HTTP/1.1 200 Connection established\r\n\r\n");
                if stream.write_all(answer.as_bytes()).await.is_err() || refusal.is_some() {
                    return;
                }
                let Ok(mut inner) = TcpStream::connect(("127.0.0.1", to_port)).await else { return };
                let _ = copy_bidirectional(&mut stream, &mut inner).await;
            }
        });
        Self { port, heard }
    }

    /// The heads of the requests for tunnels.
    pub fn heard(&self) -> Vec<String> {
        self.heard.lock().expect("no panic").clone()
    }
}

async fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        bytes.push(stream.read_u8().await.ok()?);
    }
    String::from_utf8(bytes).ok()
}

/// Serves each connection of a new port on a runtime of its own.
fn serve_connections<F: Future<Output = ()> + Send + 'static>(
    serve: impl Fn(TcpStream) -> F + Send + 'static,
) -> u16 {
    let listener = std::net::TcpListener::bind("0.0.0.0:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    listener.set_nonblocking(true).expect("a socket");
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async move {
            let listener = TcpListener::from_std(listener).expect("a listener");
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream));
            }
        });
    });
    port
}
