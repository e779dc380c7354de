//! The catalogue's API, `/api/v1`.

use axum::Router;

use super::App;

pub(super) fn router() -> Router<App> {
    Router::new()
}

/// The OpenAPI document.
pub fn openapi() -> String {
    String::new()
}
