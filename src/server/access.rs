//! Who may ask: the token, and pages of any origin.

use super::error::Refusal;
use axum::http::{HeaderMap, Method, StatusCode, header};
use std::fmt;
use std::str::FromStr;
use subtle::ConstantTimeEq;
use tower_http::cors::{AllowHeaders, Any, Cors};

/// A secret that every request must carry as `Authorization: Bearer …`.
#[derive(Clone)]
pub struct Token(String);

/// Why a text is no [`Token`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a token is made of one or more visible ASCII characters without blanks")]
pub struct TokenError;

impl FromStr for Token {
    type Err = TokenError;

    /// Any text that a header can carry.
    fn from_str(text: &str) -> Result<Token, TokenError> {
        match !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic()) {
            true => Ok(Token(text.to_owned())),
            false => Err(TokenError),
        }
    }
}

impl Token {
    /// Checks a request.
    ///
    /// # Errors
    /// `401`.
    pub fn check(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let given = headers.get(header::AUTHORIZATION).map(|v| v.as_bytes());
        let refuse = |why| Err(Refusal::new(StatusCode::UNAUTHORIZED, why));
        let Some(given) = given else {
            return refuse("a token is needed: send Authorization: Bearer <token>");
        };
        let given = match given.split_at_checked(7) {
            Some((scheme, given)) if scheme.eq_ignore_ascii_case(b"bearer ") => given,
            _ => return refuse("the Authorization header must be Bearer <token>"),
        };
        // How long a wrong token takes must not say how much of it is right.
        match bool::from(given.trim_ascii().ct_eq(self.0.as_bytes())) {
            true => Ok(()),
            false => refuse("the token is wrong"),
        }
    }
}

/// Never shows itself.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Pages of any origin may do everything (SPEC §3); what guards a service is its token.
pub fn cors<S>(inner: S) -> Cors<S> {
    Cors::new(inner)
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::DELETE])
        // `*` would leave out Authorization.
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers(Any)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_token_itself_passes() {
        let token = Token::from_str("s3cret").unwrap();
        let check = |value: Option<&str>| {
            let mut headers = HeaderMap::new();
            if let Some(value) = value {
                headers.insert(header::AUTHORIZATION, value.parse().unwrap());
            }
            token.check(&headers).is_ok()
        };
        assert!(check(Some("Bearer s3cret")));
        assert!(check(Some("bearer  s3cret")));
        for wrong in [
            "",
            "Bearer",
            "Bearer ",
            "Bearer s3cre",
            "Bearer s3crets",
            "Basic s3cret",
            "s3cret",
        ] {
            assert!(!check(Some(wrong)), "{wrong}");
        }
        assert!(!check(None));
        assert_eq!(format!("{token:?}"), "Token(…)");
    }

    #[test]
    fn tokens_that_no_header_can_carry() {
        for text in ["", "a b", "a\n", "é"] {
            assert!(Token::from_str(text).is_err(), "{text:?}");
        }
    }
}
