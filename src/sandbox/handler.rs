//! One request on its way through an API: credentials, the session, the body.
//!
//! What is read stands in `reads`, what is written in `writes`; here is what both need.

use std::borrow::Cow;

use crate::exchange::{BodyEncoding, BodyForm, Method, WireValue};
use crate::kind::file::ApiLoginFile;
use crate::kind::{Api, Kind};
use crate::remote::wire;
use crate::sandbox::deserialize::{SandboxBodyDirection, SandboxDeserializer, is_lenient, is_same_name};
use crate::sandbox::error::{SandboxError, set_member};
use crate::sandbox::raw_body::{RawBodyError, RawBodyValue, RawScalar};
use crate::sandbox::response::{SandboxFormat, SandboxResponse};
use crate::sandbox::route::{SandboxOperation, SandboxPathParameters, SandboxRouteTarget, SandboxRouter};
use crate::sandbox::service::{FaultMode, SandboxRequest, SandboxService};
use crate::sandbox::{auth, form_body, json_patch, raw_body};
use crate::value::Object;

/// One request on its way through an API.
pub struct SandboxHandler<'s> {
    pub service: &'s SandboxService,
    pub router: &'s SandboxRouter,
    pub request: &'s SandboxRequest,
    pub format: SandboxFormat,
    pub fault_mode: FaultMode,
}

impl SandboxHandler<'_> {
    pub fn api(&self) -> &Api {
        &self.router.api
    }

    /// The same path with a slash at its end.
    pub fn redirect_to_slash(&self) -> SandboxResponse {
        let last = self.request.path.rsplit('/').next().unwrap_or_default();
        let query = if self.request.raw_query.is_empty() { "" } else { "?" };
        let place = format!("{last}/{query}{}", self.request.raw_query);
        SandboxResponse { headers: vec![("location".to_owned(), place)], ..SandboxResponse::from_status(301) }
    }

    pub fn handle_operation(
        &self,
        target: SandboxRouteTarget,
        parameters: &SandboxPathParameters,
    ) -> Result<SandboxResponse, SandboxError> {
        let (number, operation) = match target {
            SandboxRouteTarget::Kind(number, operation) => (number, operation),
            SandboxRouteTarget::Login => return self.handle_login(),
        };
        let is_read = matches!(
            operation,
            SandboxOperation::List | SandboxOperation::Get | SandboxOperation::AccessCheck
        );
        self.authenticate_request(is_read)?;
        self.check_parents(number, parameters)?;
        if let Some(earlier) = self.find_replay()? {
            return Ok(earlier);
        }
        let answered = match operation {
            SandboxOperation::List => self.list_objects(number, parameters),
            SandboxOperation::AccessCheck => self.check_access(number, parameters),
            SandboxOperation::Get => self.get_object(number, parameters),
            SandboxOperation::Delete => self.delete_object(number, parameters),
            SandboxOperation::Create => match self.find_upsert(number, parameters)? {
                Some(update) => self.update_object(number, update, parameters),
                None => self.create_object(number, parameters),
            },
            SandboxOperation::Update | SandboxOperation::UpdatePart(_) | SandboxOperation::Replace => {
                self.update_object(number, operation, parameters)
            }
        };
        if is_read { answered } else { answered.map(|response| self.finish_write(response)) }
    }

    /// What no operation knows: perhaps a list of things to which ids refer.
    pub fn handle_unknown_path(&self, path: &str) -> Result<SandboxResponse, SandboxError> {
        if self.request.method != Method::Get.as_str() {
            return Err(build_not_found());
        }
        self.authenticate_request(true)?;
        match self.read_operation_status(path) {
            Some(status) => Ok(status),
            None => self.list_referenced(path),
        }
    }

    fn authenticate_request(&self, is_read: bool) -> Result<(), SandboxError> {
        let requested = self.request;
        match auth::is_authenticated(
            self.api(),
            &requested.headers,
            &requested.query,
            &self.router.known_parameters,
        ) {
            true if !is_read && auth::is_read_only(&requested.headers, &requested.query) => {
                Err(SandboxError::new(403, "Forbidden", "These credentials may not write."))
            }
            true => Ok(()),
            false => {
                let message = "Authentication credentials were not provided or are wrong.";
                Err(SandboxError::new(401, "Unauthorized", message))
            }
        }
    }

    /// Where the API is, as the caller reached it.
    pub fn base_url(&self) -> String {
        format!("http://{}/{}", self.host(), self.api().name)
    }

    /// The host, as the caller knows it.
    pub fn host(&self) -> &str {
        self.request.header("host").unwrap_or("127.0.0.1")
    }

    fn handle_login(&self) -> Result<SandboxResponse, SandboxError> {
        let refused = || SandboxError::new(401, "Unauthorized", "Invalid user name or password.");
        let login = self.api().login.as_ref().ok_or_else(refused)?;
        let text = self.decode_body();
        let members = self.parse_body(&text)?.into_members().unwrap_or_default();
        let right = |name: &str| {
            let member = members.iter().rfind(|(own, _)| is_same_name(self.api(), own, name));
            let scalar = member.and_then(|(_, given)| given.as_scalar());
            scalar.is_some_and(|scalar| match scalar {
                RawScalar::String(text) | RawScalar::Plain(text) => auth::is_valid_credential(&text),
                _ => true,
            })
        };
        if !right(&login.username) || !right(&login.password) {
            return Err(refused());
        }
        Ok(self.open_session(login))
    }

    fn open_session(&self, login: &ApiLoginFile) -> SandboxResponse {
        let token = self.service.lock_state().id_generator.generate_uuid();
        let mut body = WireValue::Object(Vec::new());
        if let Some(at) = login.token.first() {
            set_member(&mut body, at, WireValue::Uuid(token));
        }
        self.build_response(200, &body)
    }

    pub fn build_response(&self, status: u16, body: &WireValue) -> SandboxResponse {
        SandboxResponse::new(self.api(), self.format, status, body)
    }

    /// The body under the kind's guidance.
    pub fn deserialize_body(&self, kind: &Kind, form: &BodyForm) -> Result<Object, SandboxError> {
        let text = self.decode_body();
        let body = unwrap_member(self.parse_encoded_body(&text, form.encoding)?, form.member.as_deref())?;
        let mut binder = SandboxDeserializer::new(self.api(), SandboxBodyDirection::Request);
        let object = binder.read_object(&kind.shape, body, "");
        match binder.field_errors {
            grievances if grievances.is_empty() => Ok(object),
            grievances => Err(SandboxError::from_field_errors(self.api(), grievances)),
        }
    }

    /// The body in the encoding of its operation.
    fn parse_encoded_body<'t>(
        &self,
        text: &'t str,
        encoding: BodyEncoding,
    ) -> Result<RawBodyValue<'t>, SandboxError> {
        let Some(expected) = wire::get_media_type(encoding) else { return self.parse_body(text) };
        if self.request.content_type() != expected {
            let message = format!("The content type must be {expected}.");
            return Err(SandboxError::new(415, "UnsupportedMediaType", message));
        }
        match encoding {
            BodyEncoding::Form => Ok(form_body::parse_form(text)),
            BodyEncoding::Default | BodyEncoding::MergePatch => require_object(raw_body::parse_json(text)),
            BodyEncoding::JsonPatch => json_patch::parse_patch(text),
        }
    }

    fn decode_body(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.request.body)
    }

    /// The body as it was given. A service that binds silently takes what it can't read for nothing at all.
    fn parse_body<'t>(&self, text: &'t str) -> Result<RawBodyValue<'t>, SandboxError> {
        let content_type = self.request.content_type();
        if !is_lenient(self.api()) {
            return match content_type.as_str() {
                "application/json" => require_object(raw_body::parse_json(text)),
                _ => Err(SandboxError::new(
                    415,
                    "UnsupportedMediaType",
                    "The content type must be application/json.",
                )),
            };
        }
        let chunked = self.request.headers.contains_key("transfer-encoding");
        if !chunked
            && self.request.header("content-length").is_none()
            && self.request.method != Method::Get.as_str()
        {
            return Err(SandboxError::new(411, "LengthRequired", "The length of the body is missing."));
        }
        match content_type.as_str() {
            _ if chunked || text.is_empty() => Ok(RawBodyValue::Object(Vec::new())),
            "application/json" | "text/json" => require_object(raw_body::parse_json(text)),
            "application/jsv" | "text/jsv" => require_object(raw_body::parse_jsv(text)),
            _ => Ok(RawBodyValue::Object(Vec::new())),
        }
    }
}

/// The object inside its member.
fn unwrap_member<'t>(body: RawBodyValue<'t>, member: Option<&str>) -> Result<RawBodyValue<'t>, SandboxError> {
    let Some(member) = member else { return Ok(body) };
    let missing = || SandboxError::new(400, "MissingMember", format!("The member {member} is missing."));
    let (names, is_list) = BodyForm::split_member(member);
    let inner = names.iter().try_fold(body, |body, name| {
        let members = body.into_members()?;
        members.into_iter().find_map(|(own, value)| (*own == **name).then_some(value))
    });
    let inner = inner.ok_or_else(missing)?;
    if !is_list {
        return Ok(inner);
    }
    inner.into_items().and_then(|items| items.into_iter().next()).ok_or_else(missing)
}

fn require_object(read: Result<RawBodyValue<'_>, RawBodyError>) -> Result<RawBodyValue<'_>, SandboxError> {
    match read {
        Ok(given @ RawBodyValue::Object(_)) => Ok(given),
        Ok(_) => Err(SandboxError::new(400, "SerializationException", "An object is expected.")),
        Err(RawBodyError) => Err(SandboxError::new(400, "SerializationException", "The body can't be read.")),
    }
}

/// There is no such thing here.
pub fn build_not_found() -> SandboxError {
    SandboxError::new(404, "NotFound", "Not found.")
}
