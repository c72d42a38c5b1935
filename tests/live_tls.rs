//! A service behind TLS whose certificate is of an authority that only the person knows.

use assert_cmd::Command;
use evtui::runtime::local::{Data, Local};
use evtui::service::Options;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A hang fails the test after this long; nothing is measured by it.
const PATIENCE: Duration = Duration::from_secs(60);
const AUTHORITY: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/support/tls/authority.pem"
);

/// Puts TLS before a URL.
fn behind_tls(url: &str) -> String {
    let to = url.trim_start_matches("http://").to_owned();
    let certificate = CertificateDer::from_pem_slice(include_bytes!("support/tls/server.pem"));
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("support/tls/server.key")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.unwrap()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        runtime.block_on(async move {
            loop {
                let (connection, _) = listener.accept().await.unwrap();
                let (acceptor, to) = (acceptor.clone(), to.clone());
                tokio::spawn(async move {
                    // Who does not trust the certificate goes away here.
                    let Ok(mut outer) = acceptor.accept(connection).await else {
                        return;
                    };
                    let mut inner = TcpStream::connect(to).await.unwrap();
                    let _ = copy_bidirectional(&mut outer, &mut inner).await;
                });
            }
        });
    });
    format!("https://localhost:{port}")
}

/// Exit code, standard output, standard error.
fn evtui(args: &[&str], vars: &[(&str, &str)]) -> (Option<i32>, String, String) {
    let home = tempfile::tempdir().unwrap();
    let output = Command::cargo_bin("evtui")
        .unwrap()
        .env_remove("SSL_CERT_FILE")
        .env_remove("SSL_CERT_DIR")
        .env("XDG_CONFIG_HOME", home.path())
        .env("XDG_CACHE_HOME", home.path())
        .env("XDG_DATA_HOME", home.path())
        .envs(vars.iter().copied())
        .args(args)
        .timeout(PATIENCE)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// A machine on which no authority is known.
const NOBODY: [(&str, &str); 2] = [
    ("SSL_CERT_FILE", "/dev/null"),
    ("SSL_CERT_DIR", "/nonexistent"),
];

#[test]
fn only_a_service_that_somebody_vouches_for_is_talked_to() {
    let server = Local::start(&Data::Memory, 0, Options::default()).unwrap();
    let url = behind_tls(server.url());
    let append = ["append", "/a", "--type", "x", "--url", &url];
    for vars in [&[][..], &NOBODY] {
        let (code, _, err) = evtui(&append, vars);
        assert_eq!(code, Some(2), "{err}");
        for word in ["cannot trust", &*url, "certificate", "SSL_CERT_FILE=FILE"] {
            assert!(err.contains(word), "{word}: {err}");
        }
    }
    let trusted = [("SSL_CERT_FILE", AUTHORITY)];
    let (code, out, err) = evtui(&append, &trusted);
    assert_eq!(code, Some(0), "{err}");
    assert!(out.contains(r#""offset":2"#), "{out}");
    let tail = ["tail", "/a", "--no-follow", "--url", &url];
    let (code, out, err) = evtui(&tail, &trusted);
    assert_eq!((code, out.lines().count()), (Some(0), 2), "{err}");
    // TLS is spoken to who does not speak it.
    let wrong = server.url().replace("http://", "https://");
    let (code, _, err) = evtui(&["streams", "--url", &wrong], &[]);
    assert_eq!(code, Some(2), "{err}");
    assert!(err.contains("http://") && err.contains("TLS"), "{err}");
}

#[test]
fn without_any_authority_everything_but_https_works() {
    let local = ["--local", "--data", ":memory:"];
    let (code, out, err) = evtui(
        &[&["append", "/a", "--type", "x"][..], &local].concat(),
        &NOBODY,
    );
    assert_eq!(code, Some(0), "{err}");
    assert!(out.contains(r#""offset":2"#), "{out}");
}
