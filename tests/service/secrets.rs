//! SPEC §3: secrets go in and do not come back out.

use crate::house::{HeldStore, House};
use evtui::model::path::Project;
use evtui::service::{KeySource, Options, Service, ServiceError};
use evtui::store::Store;
use serde_json::json;

#[tokio::test]
async fn created_listed_replaced_deleted() {
    let house = House::new();
    let (service, project) = (&house.service, Project::default());
    let first = service
        .create_secret(&project, "openai", "sk-1", Some("for the model"))
        .await
        .unwrap();
    house.clock.advance(1_000);
    let second = service
        .create_secret(&project, " slack ", "xoxb", None)
        .await
        .unwrap();
    assert_eq!(
        serde_json::to_value(&first).unwrap(),
        json!({"id": first.id, "name": "openai", "description": "for the model",
            "createdAt": "1970-01-01T00:16:40.000Z", "updatedAt": "1970-01-01T00:16:40.000Z"})
    );
    let page = service.list_secrets(&project, 1, 0);
    assert_eq!((page.total, &page.secrets[..]), (2, &[second.clone()][..]));
    let page = service.list_secrets(&project, 20, 1);
    assert_eq!(page.secrets[0], first);

    let replaced = service
        .create_secret(&project, "openai", "sk-2", None)
        .await
        .unwrap();
    assert_eq!(
        (&replaced.id, &replaced.created_at),
        (&first.id, &first.created_at)
    );
    assert_eq!(replaced.updated_at, "1970-01-01T00:16:41.000Z");
    assert_eq!(service.reveal_secret(&project, "openai").unwrap(), "sk-2");

    let other: Project = "other".parse().unwrap();
    assert!(service.reveal_secret(&other, "openai").is_err());
    assert!(service.delete_secret(&other, &first.id).await.is_err());
    assert_eq!(service.list_secrets(&other, 20, 0).total, 0);

    service.delete_secret(&project, &first.id).await.unwrap();
    for error in [
        service.reveal_secret(&project, "openai").unwrap_err(),
        service
            .delete_secret(&project, &first.id)
            .await
            .unwrap_err(),
    ] {
        assert!(matches!(error, ServiceError::NotFound(_)), "{error}");
    }
    for (name, value) in [("  ", "v"), ("n", ""), (&*"n".repeat(256), "v")] {
        let refused = service.create_secret(&project, name, value, None).await;
        assert!(matches!(refused, Err(ServiceError::Invalid(_))));
    }
}

#[tokio::test]
async fn at_rest_they_can_be_read_with_the_key_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secrets.key");
    let store = HeldStore::new();
    let options = |path: &std::path::Path| Options {
        secrets_key: KeySource::File(path.to_owned()),
        ..Options::default()
    };
    let project = Project::default();
    let service = Service::open(store.clone(), options(&path)).unwrap();
    let value = "sk-very-secret";
    service
        .create_secret(&project, "k", value, None)
        .await
        .unwrap();

    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let (_, cell) = store.cells("secret/").unwrap().remove(0);
    let text = String::from_utf8(cell.to_vec()).unwrap();
    assert!(text.contains("\"k\"") && !text.contains(value));

    let again = Service::open(store.clone(), options(&path)).unwrap();
    assert_eq!(again.reveal_secret(&project, "k").unwrap(), value);

    let other_key = folder.path().join("other.key");
    let stranger = Service::open(store.clone(), options(&other_key)).unwrap();
    assert_eq!(stranger.list_secrets(&project, 20, 0).total, 1);
    let refused = stranger.reveal_secret(&project, "k").unwrap_err();
    assert!(
        refused.to_string().contains("cannot be decrypted"),
        "{refused}"
    );

    std::fs::write(&path, b"short").unwrap();
    let refused = Service::open(store.clone(), options(&path)).err().unwrap();
    assert!(refused.to_string().contains("5 bytes"), "{refused}");
}
