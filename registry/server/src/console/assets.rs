//! Style, script, fonts and icon: made by `build.rs`, embedded, and served under names that contain their hash.

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use http::{HeaderMap, HeaderValue, StatusCode};

/// A file as it is served.
struct Asset {
    name: &'static str,
    kind: &'static str,
    plain: &'static [u8],
    packed: Option<Packed>,
}

/// The same, compressed.
struct Packed {
    br: &'static [u8],
    gzip: &'static [u8],
}

include!(concat!(env!("OUT_DIR"), "/assets/assets.rs"));

/// A name never means other bytes: what has been loaded once is never asked for again.
const FOREVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// `GET /assets/<name>.<hash>.<ext>`.
pub(super) async fn serve(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let Some(asset) = ASSETS.iter().find(|asset| asset.name == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let accepted = headers.get(ACCEPT_ENCODING).and_then(|header| header.to_str().ok()).unwrap_or_default();
    let (encoding, bytes) = match &asset.packed {
        Some(packed) if accepts(accepted, "br") => (Some("br"), packed.br),
        Some(packed) if accepts(accepted, "gzip") => (Some("gzip"), packed.gzip),
        _ => (None, asset.plain),
    };
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(asset.kind));
    headers.insert(CACHE_CONTROL, FOREVER);
    if asset.packed.is_some() {
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    }
    if let Some(encoding) = encoding {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    response
}

/// Whether an `Accept-Encoding` names this encoding and does not rule it out.
fn accepts(header: &str, encoding: &str) -> bool {
    header.split(',').any(|entry| {
        let mut parts = entry.split(';').map(str::trim);
        parts.next().is_some_and(|name| name.eq_ignore_ascii_case(encoding))
            && !parts
                .any(|part| matches!(part.replace(' ', "").as_str(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoding_must_be_named_and_not_ruled_out() {
        assert!(accepts("gzip, deflate, br", "br"));
        assert!(accepts("GZIP;q=0.5", "gzip"));
        assert!(!accepts("br;q=0, gzip", "br"));
        assert!(!accepts("", "br"));
        assert!(!accepts("bra", "br"));
    }

    #[test]
    fn what_every_page_loads_is_there_and_small() {
        for path in [CONSOLE_CSS, DARK_CSS, CONSOLE_JS, ICON_SVG] {
            let name = path.strip_prefix("/assets/").expect("below /assets/");
            let asset = ASSETS.iter().find(|asset| asset.name == name).expect("embedded");
            let packed = asset.packed.as_ref().expect("compressed");
            assert!(packed.gzip.len() < 60 * 1024, "{name}: {} bytes", packed.gzip.len());
            assert!(packed.br.len() <= packed.gzip.len());
        }
    }
}
