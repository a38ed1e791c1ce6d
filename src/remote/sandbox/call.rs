//! One request on its way through an API: credentials, the session, the body.
//!
//! What is read stands in `reads`, what is written in `writes`; here is what both need.

use std::borrow::Cow;

use crate::exchange::{Verb, Wire};
use crate::kind::file::LoginFile;
use crate::kind::{Api, Kind};
use crate::value::Object;

use super::answer::{Answer, Form};
use super::auth;
use super::bind::{Binder, Spelling, binds_silently, same_name};
use super::given::{self, Given, Scalar, Unreadable};
use super::refusal::{Refusal, place};
use super::route::{Mount, Operation, Parameters, Target};
use super::service::{Asked, Lie, Service};

/// One request on its way through an API.
pub struct Call<'s> {
    pub service: &'s Service,
    pub mount: &'s Mount,
    pub asked: &'s Asked,
    pub form: Form,
    pub lie: Lie,
}

impl Call<'_> {
    pub fn api(&self) -> &Api {
        &self.mount.api
    }

    /// The same path with a slash at its end.
    pub fn slash(&self) -> Answer {
        let last = self.asked.path.rsplit('/').next().unwrap_or_default();
        let query = if self.asked.raw_query.is_empty() { "" } else { "?" };
        let place = format!("{last}/{query}{}", self.asked.raw_query);
        Answer { header: Some(("location", place)), ..Answer::empty(301) }
    }

    pub fn perform(&self, target: Target, parameters: &Parameters) -> Result<Answer, Refusal> {
        let (number, operation) = match target {
            Target::Kind(number, operation) => (number, operation),
            Target::Login => return self.login(),
        };
        self.authenticated()?;
        match operation {
            Operation::List => self.list(number, parameters),
            Operation::Probe => self.probe(number, parameters),
            Operation::Get => self.get(number, parameters),
            Operation::Delete => self.delete(number, parameters),
            Operation::Create => self.create(number, parameters),
            Operation::Update | Operation::Replace => self.update(number, operation, parameters),
        }
    }

    /// What no operation knows: perhaps a list of things to which ids refer.
    pub fn beside(&self, path: &str) -> Result<Answer, Refusal> {
        if self.asked.verb != Verb::Get.word() {
            return Err(not_found());
        }
        self.authenticated()?;
        self.things(path)
    }

    fn authenticated(&self) -> Result<(), Refusal> {
        let asked = self.asked;
        match auth::is_shown(self.api(), &asked.headers, &asked.query, &self.mount.known) {
            true if asked.verb != Verb::Get.word() && auth::only_reads(&asked.headers, &asked.query) => {
                Err(Refusal::new(403, "Forbidden", "These credentials may not write."))
            }
            true => Ok(()),
            false => {
                let message = "Authentication credentials were not provided or are wrong.";
                Err(Refusal::new(401, "Unauthorized", message))
            }
        }
    }

    /// Where the API is, as the caller reached it.
    pub fn base(&self) -> String {
        format!("http://{}/{}", self.host(), self.api().name)
    }

    /// The host, as the caller knows it.
    pub fn host(&self) -> &str {
        self.asked.header("host").unwrap_or("127.0.0.1")
    }

    fn login(&self) -> Result<Answer, Refusal> {
        let refused = || Refusal::new(401, "Unauthorized", "Invalid user name or password.");
        let login = self.api().login.as_ref().ok_or_else(refused)?;
        let text = self.text();
        let members = self.given(&text)?.into_members().unwrap_or_default();
        let right = |name: &str| {
            let member = members.iter().rfind(|(own, _)| same_name(self.api(), own, name));
            let scalar = member.and_then(|(_, given)| given.scalar());
            scalar.is_some_and(|scalar| match scalar {
                Scalar::Text(text) | Scalar::Bare(text) => auth::is_right(&text),
                _ => true,
            })
        };
        if !right(&login.username) || !right(&login.password) {
            return Err(refused());
        }
        Ok(self.session(login))
    }

    fn session(&self, login: &LoginFile) -> Answer {
        let token = self.service.state().mint.guid();
        let mut body = Wire::Object(Vec::new());
        if let Some(at) = login.token.first() {
            place(&mut body, at, Wire::Guid(token));
        }
        self.said(200, &body)
    }

    pub fn said(&self, status: u16, body: &Wire) -> Answer {
        Answer::new(self.api(), self.form, status, body)
    }

    /// The body under the kind's guidance.
    pub fn bound(&self, kind: &Kind) -> Result<Object, Refusal> {
        let text = self.text();
        let mut binder = Binder::new(self.api(), Spelling::Written);
        let object = binder.object(&kind.shape, self.given(&text)?, "");
        match binder.grievances {
            grievances if grievances.is_empty() => Ok(object),
            grievances => Err(Refusal::fields(self.api(), grievances)),
        }
    }

    fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.asked.body)
    }

    /// The body as it was given. A service that binds silently takes what it can't read for nothing at all.
    fn given<'t>(&self, text: &'t str) -> Result<Given<'t>, Refusal> {
        let content_type = self.asked.content_type();
        if !binds_silently(self.api()) {
            return match content_type.as_str() {
                "application/json" => object_of(given::json(text)),
                _ => Err(Refusal::new(
                    415,
                    "UnsupportedMediaType",
                    "The content type must be application/json.",
                )),
            };
        }
        let chunked = self.asked.headers.contains_key("transfer-encoding");
        if !chunked && self.asked.header("content-length").is_none() && self.asked.verb != Verb::Get.word() {
            return Err(Refusal::new(411, "LengthRequired", "The length of the body is missing."));
        }
        match content_type.as_str() {
            _ if chunked || text.is_empty() => Ok(Given::Object(Vec::new())),
            "application/json" | "text/json" => object_of(given::json(text)),
            "application/jsv" | "text/jsv" => object_of(given::jsv(text)),
            _ => Ok(Given::Object(Vec::new())),
        }
    }
}

fn object_of(read: Result<Given<'_>, Unreadable>) -> Result<Given<'_>, Refusal> {
    match read {
        Ok(given @ Given::Object(_)) => Ok(given),
        Ok(_) => Err(Refusal::new(400, "SerializationException", "An object is expected.")),
        Err(Unreadable) => Err(Refusal::new(400, "SerializationException", "The body can't be read.")),
    }
}

/// There is no such thing here.
pub fn not_found() -> Refusal {
    Refusal::new(404, "NotFound", "Not found.")
}
