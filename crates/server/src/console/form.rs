//! Forms: what is no text is refused before anything reads it.

use crate::problem::Problem;
use axum::{
    body::{Body, Bytes},
    extract::{FromRequest, RawForm, Request},
    response::{IntoResponse, Response},
};
use percent_encoding::percent_decode;
use serde::de::DeserializeOwned;

/// As much of an unknown field's name is repeated.
const NAME_SHOWN: usize = 60;

/// A form that a page sent. Bytes that are not UTF-8 are refused: the form's decoder would put U+FFFD in their place, and
/// what is stored would not be what was sent.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Form<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Form<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let (parts, body) = request.into_parts();
        let whole = Request::from_parts(parts.clone(), body);
        let RawForm(bytes) = RawForm::from_request(whole, state)
            .await
            .map_err(IntoResponse::into_response)?;
        check_text(&bytes).map_err(IntoResponse::into_response)?;
        let again = Request::from_parts(parts, Body::from(bytes));
        #[expect(
            clippy::disallowed_types,
            reason = "what it decodes is text, as was just checked"
        )]
        let axum::Form(form) = axum::Form::from_request(again, state)
            .await
            .map_err(IntoResponse::into_response)?;
        Ok(Self(form))
    }
}

fn check_text(form: &Bytes) -> Result<(), Problem> {
    for pair in form.split(|byte| *byte == b'&') {
        let mut sides = pair.splitn(2, |byte| *byte == b'=');
        let name = percent_decode(sides.next().unwrap_or_default());
        let value = percent_decode(sides.next().unwrap_or_default());
        if name.clone().decode_utf8().is_err() || value.decode_utf8().is_err() {
            let name: String = name
                .decode_utf8_lossy()
                .chars()
                .filter(|character| !character.is_control())
                .take(NAME_SHOWN)
                .collect();
            return Err(Problem::field(&name, "is not UTF-8 text"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_field_with_bad_bytes_is_named() {
        for good in ["", "a", "a=b&c=%C3%A9+%zz", "a=1&a=2"] {
            assert!(
                check_text(&Bytes::from_static(good.as_bytes())).is_ok(),
                "{good}"
            );
        }
        for (bad, field) in [
            ("path=%2Fx&content=a%ff", "content"),
            ("content=a%C3&path=/", "content"),
            ("%ff=1", "\u{fffd}"),
        ] {
            let problem = check_text(&Bytes::from_static(bad.as_bytes())).expect_err(bad);
            assert_eq!(problem.status, 422);
            assert_eq!(problem.errors[0].field, field, "{bad}");
        }
    }
}
