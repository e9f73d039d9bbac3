//! Signed requests: HTTP message signatures (RFC 9421) as Web Bot Auth uses them (draft-meunier-web-bot-auth-architecture). The
//! cryptography and the parsing are the crate `web-bot-auth`'s; what counts as whose proof, and until when, is decided here.

use super::{Lists, sources::hosts_of};
use crate::time::Millis;
use serde::{Deserialize, Serialize};
use sfv::SerializeValue;
use url::Url;
use web_bot_auth::{
    ImplementationError, SignatureAgentLink, WebBotAuthVerifier,
    components::{CoveredComponent, DerivedComponent, HTTPField, HTTPFieldParameters},
    keyring::{Algorithm, KeyRing, Thumbprintable},
    message_signatures::SignedMessage,
};

/// The most bytes of each of the three headers.
pub const HEADER_MAX: usize = 2_048;
/// The most bytes of a path; a host name has 253 at most, a method 32.
pub const PATH_MAX: usize = 2_048;
/// Clocks differ by so many seconds.
const SKEW: i64 = 60;
/// The longest that a signature may hold, in seconds: 24 hours, as the draft recommends. Within that time somebody who sees a signed
/// request can send it again to the same host: nonces are not kept.
const WINDOW_MAX: i64 = 24 * 3_600;

/// What the Worker sends of a signed request, besides the visit: whatever a signature may cover that is not the query, which is
/// not recorded.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SignatureParts {
    /// The header `Signature-Agent`.
    pub signature_agent: String,
    /// The header `Signature-Input`.
    pub signature_input: String,
    /// The header `Signature`.
    pub signature: String,
    /// The method, `GET` or `HEAD`.
    pub method: String,
    /// The host name of the request.
    pub host: String,
    /// Its path, percent-encoded as it was sent, without query.
    pub path: String,
}

/// What a signature came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "finding", content = "why")]
pub enum SignatureFinding {
    /// The request carried none.
    None,
    /// It is the operator's, for this request, and holds.
    Valid,
    /// It claims to be the operator's and is not, or does not hold.
    Invalid(Fault),
    /// It cannot be told: it proves nothing in either direction.
    Unknown(Doubt),
}

/// What is wrong with a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The key that it names did not make it for this request: another key, another host, or something was changed.
    Wrong,
    /// Its time was over.
    Expired,
    /// Its time had not begun.
    NotYet,
    /// The key was not to be used then.
    KeyExpired,
}

/// Why nothing can be told of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Doubt {
    /// It is longer than anything that is read.
    TooLong,
    /// It cannot be read, or is none of Web Bot Auth.
    Malformed,
    /// It names a host that is not known as the operator's.
    ForeignHost,
    /// The operator's keys were never read, or long ago.
    NoKeys,
    /// It names a key that is not among the operator's.
    KeyUnknown,
    /// It covers something that was not sent here, such as the query.
    NotCovered,
    /// It would hold for longer than a day: whoever saw it could use it.
    WindowTooLong,
}

struct Message<'a> {
    parts: &'a SignatureParts,
    host: String,
}

impl SignedMessage for Message<'_> {
    fn lookup_component(&self, name: &CoveredComponent) -> Vec<String> {
        match name {
            CoveredComponent::HTTP(field) => self.header(field).into_iter().collect(),
            CoveredComponent::Derived(derived) => match derived {
                DerivedComponent::Authority { req: false } => vec![self.host.clone()],
                DerivedComponent::Method { req: false } => vec![self.parts.method.clone()],
                DerivedComponent::Path { req: false } => vec![self.parts.path.clone()],
                DerivedComponent::Scheme { req: false } => vec!["https".to_owned()],
                // With the query, which is not here.
                _ => Vec::new(),
            },
        }
    }
}

impl Message<'_> {
    fn header(&self, field: &HTTPField) -> Option<String> {
        let value = match field.name.as_str() {
            "signature-agent" => &self.parts.signature_agent,
            "signature-input" => &self.parts.signature_input,
            "signature" => &self.parts.signature,
            _ => return None,
        };
        match field.parameters.0.as_slice() {
            [] => Some(value.trim().to_owned()),
            [HTTPFieldParameters::Key(key)] => {
                let members = sfv::Parser::new(value).parse_dictionary().ok()?;
                let (_, member) = members.into_iter().find(|(name, _)| name.as_str() == key)?;
                match member {
                    sfv::ListEntry::Item(item) => Some(item.serialize_value()),
                    sfv::ListEntry::InnerList(_) => None,
                }
            }
            // As Cloudflare: no others.
            _ => None,
        }
    }
}

/// Whether the request was signed by this operator, and the signature held at that time.
pub fn check(
    parts: Option<&SignatureParts>,
    operator: &str,
    lists: &Lists,
    at: Millis,
) -> SignatureFinding {
    let Some(parts) = parts else {
        return SignatureFinding::None;
    };
    checked(parts, operator, lists, at).unwrap_or_else(|finding| finding)
}

fn checked(
    parts: &SignatureParts,
    operator: &str,
    lists: &Lists,
    at: Millis,
) -> Result<SignatureFinding, SignatureFinding> {
    use SignatureFinding::{Invalid, Unknown, Valid};
    let is_short = [
        &parts.signature_agent,
        &parts.signature_input,
        &parts.signature,
    ]
    .iter()
    .all(|header| header.len() <= HEADER_MAX)
        && parts.path.len() <= PATH_MAX
        && parts.host.len() <= 260
        && parts.method.len() <= 32;
    if !is_short {
        return Err(Unknown(Doubt::TooLong));
    }
    let message = Message {
        parts,
        host: parts.host.to_ascii_lowercase(),
    };
    let verifier = WebBotAuthVerifier::parse(&message).map_err(|error| match error {
        ImplementationError::LookupError(_) => Unknown(Doubt::NotCovered),
        _ => Unknown(Doubt::Malformed),
    })?;
    let host = signing_host(&verifier, operator)?;
    let keys = lists
        .keys(host, at)
        .filter(|keys| !keys.is_empty())
        .ok_or(Unknown(Doubt::NoKeys))?;
    let details = verifier.get_parsed_label().base.parameters.details.clone();
    let (Some(id), Some(created), Some(expires)) =
        (details.keyid, details.created, details.expires)
    else {
        return Err(Unknown(Doubt::Malformed));
    };
    if details
        .algorithm
        .is_some_and(|named| named != Algorithm::Ed25519)
    {
        return Err(Unknown(Doubt::Malformed));
    }
    let key = keys
        .iter()
        .find(|key| key.id == id)
        .ok_or(Unknown(Doubt::KeyUnknown))?;
    let mut ring = KeyRing::default();
    ring.try_import_jwk(&Thumbprintable::OKP {
        crv: "Ed25519".to_owned(),
        x: key.x.clone(),
    })
    .map_err(|_| Unknown(Doubt::KeyUnknown))?;
    verifier
        .verify(&ring, None)
        .map_err(|_| Invalid(Fault::Wrong))?;
    let now = at.0.div_euclid(1_000);
    if key.not_before.is_some_and(|begin| now + SKEW < begin)
        || key.not_after.is_some_and(|end| now - SKEW > end)
    {
        return Err(Invalid(Fault::KeyExpired));
    }
    if created > now + SKEW {
        return Err(Invalid(Fault::NotYet));
    }
    if expires < now - SKEW || expires <= created {
        return Err(Invalid(Fault::Expired));
    }
    if expires - created > WINDOW_MAX {
        return Err(Unknown(Doubt::WindowTooLong));
    }
    Ok(Valid)
}

/// The host whose keys count: the one that the request names, if it is the operator's.
fn signing_host(
    verifier: &WebBotAuthVerifier,
    operator: &str,
) -> Result<&'static str, SignatureFinding> {
    let foreign = SignatureFinding::Unknown(Doubt::ForeignHost);
    let [SignatureAgentLink::External(link)] = verifier.get_signature_agents().as_slice() else {
        return Err(foreign);
    };
    let Ok(url) = Url::parse(link) else {
        return Err(SignatureFinding::Unknown(Doubt::Malformed));
    };
    if url.scheme() != "https" || url.port().is_some() {
        return Err(foreign);
    }
    hosts_of(operator)
        .find(|host| url.host_str() == Some(*host))
        .ok_or(foreign)
}
