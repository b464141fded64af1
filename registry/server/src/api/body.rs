//! JSON bodies of requests, and what to say when there is none or a wrong one.

use axum::body::Bytes;
use axum::extract::{FromRequest, OptionalFromRequest, Request};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use quay_core::Error;
use serde::de::DeserializeOwned;

use super::outcome::{Answer, Trouble};
use crate::http::JSON_BODY;

/// A JSON body of the type asked for.
pub(super) struct Json<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Trouble;

    async fn from_request(request: Request, state: &S) -> Answer<Self> {
        let is_json =
            request.headers().get(CONTENT_TYPE).and_then(|header| header.to_str().ok()).is_some_and(
                |header| quay_oci::media_type::essence(header).eq_ignore_ascii_case("application/json"),
            );
        let bytes = received(request, state).await?;
        if !is_json && !bytes.is_empty() {
            let hint = "Missing JSON body: send it with `Content-Type: application/json`";
            return Err(Trouble::Request(hint.to_owned()));
        }
        read(&bytes).map(Self)
    }
}

/// Where a body may be left out, nothing is asked of its `Content-Type` either.
impl<T: DeserializeOwned, S: Send + Sync> OptionalFromRequest<S> for Json<T> {
    type Rejection = Trouble;

    async fn from_request(request: Request, state: &S) -> Answer<Option<Self>> {
        let bytes = received(request, state).await?;
        if bytes.trim_ascii().is_empty() { Ok(None) } else { read(&bytes).map(|value| Some(Self(value))) }
    }
}

async fn received<S: Send + Sync>(request: Request, state: &S) -> Answer<Bytes> {
    Bytes::from_request(request, state).await.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Error::TooLarge { limit: JSON_BODY as u64 }.into(),
        _ => Error::BodyFailed.into(),
    })
}

/// Reads a body that has been received.
pub(super) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Answer<T> {
    if bytes.is_empty() {
        return Err(Trouble::Request("Missing JSON body".to_owned()));
    }
    // What reads a structure would take a list for its values in order.
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return Err(Trouble::Request(
            "Invalid JSON body: it must be an object, as in {\"name\": …}".to_owned(),
        ));
    }
    serde_json::from_slice(bytes).map_err(|error| Trouble::Request(format!("Invalid JSON body: {error}")))
}

/// A flag in a query: `true`, `True`, `1`, `yes`, or nothing after the equals sign.
pub(super) fn flag<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    let text = <String as serde::Deserialize>::deserialize(deserializer)?;
    Ok(matches!(text.to_ascii_lowercase().as_str(), "" | "true" | "1" | "yes" | "on"))
}
