//! Secrets (SPEC §3): named values of a project that come back out for hooks only. At rest they are
//! encrypted with XChaCha20-Poly1305 under a key kept in a file beside the data, readable by its owner
//! alone; what is encrypted is bound to its project, id and name.

use super::Service;
use super::error::ServiceError;
use crate::model::path::Project;
use crate::store::{Store, StoreError};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

const CELLS: &str = "secret/";
const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
/// Most characters of a name.
pub const MAX_NAME_CHARS: usize = 255;

/// Where the key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// Made for this process and forgotten with it.
    Memory,
    /// Read from a file of 32 bytes, which is made with mode 0600 if it is not there.
    File(PathBuf),
}

/// What may be told of a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Secret {
    /// Names it for ever.
    pub id: String,
    /// Unique in its project; what hooks ask for.
    pub name: String,
    /// In somebody's words.
    pub description: Option<String>,
    /// RFC 3339.
    pub created_at: String,
    /// RFC 3339; moves when the same name is given a new value.
    pub updated_at: String,
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SecretPage {
    /// Newest first.
    pub secrets: Vec<Secret>,
    /// How many there are in all.
    pub total: usize,
}

/// Why the key cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("the key of the secrets, {path}: {why}")]
pub struct KeyError {
    path: String,
    why: String,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sealed {
    id: String,
    project: Project,
    name: String,
    description: Option<String>,
    created_at: String,
    updated_at: String,
    nonce: String,
    ciphertext: String,
}

pub(super) struct Secrets {
    cipher: XChaCha20Poly1305,
    sealed: Mutex<BTreeMap<(Project, String), Sealed>>,
    /// One change at a time, so that names stay unique.
    changing: tokio::sync::Mutex<()>,
}

impl Secrets {
    pub(super) fn open(store: &dyn Store, key: &KeySource) -> Result<Secrets, SecretsError> {
        let key = match key {
            KeySource::Memory => random::<KEY_BYTES>().map_err(|why| KeyError {
                path: "in memory".to_owned(),
                why,
            })?,
            KeySource::File(path) => key_file(path)?,
        };
        let mut sealed = BTreeMap::new();
        for (name, cell) in store.cells(CELLS)? {
            match serde_json::from_slice::<Sealed>(&cell) {
                Ok(secret) => {
                    sealed.insert((secret.project.clone(), secret.name.clone()), secret);
                }
                Err(error) => tracing::error!(cell = name, %error, "a stored secret is left out"),
            }
        }
        Ok(Secrets {
            cipher: XChaCha20Poly1305::new(&key.into()),
            sealed: Mutex::new(sealed),
            changing: tokio::sync::Mutex::default(),
        })
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<(Project, String), Sealed>> {
        self.sealed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why secrets cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// The key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Service {
    /// Creates a secret, or gives the one of that name a new value.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] for a name that is empty or longer than [`MAX_NAME_CHARS`], and for an
    /// empty value; [`ServiceError::Unavailable`] when it cannot be stored.
    pub async fn create_secret(
        &self,
        project: &Project,
        name: &str,
        value: &str,
        description: Option<&str>,
    ) -> Result<Secret, ServiceError> {
        let name = name.trim();
        if name.is_empty() {
            return Err(ServiceError::Invalid("name: must not be empty".to_owned()));
        }
        if name.chars().count() > MAX_NAME_CHARS {
            return Err(ServiceError::Invalid(format!(
                "name: at most {MAX_NAME_CHARS} characters are allowed"
            )));
        }
        if value.is_empty() {
            return Err(ServiceError::Invalid("value: must not be empty".to_owned()));
        }
        let _one = self.secrets.changing.lock().await;
        let at = (project.clone(), name.to_owned());
        let old = self.secrets.all().get(&at).cloned();
        let now = self.shared.clock.now().to_string();
        let (id, created_at) = match old {
            Some(old) => (old.id, old.created_at),
            None => (new_id()?, now.clone()),
        };
        let nonce = random::<NONCE_BYTES>().map_err(ServiceError::Internal)?;
        let sealing = Payload {
            msg: value.as_bytes(),
            aad: &bound_to(project, &id, name),
        };
        let ciphertext = self
            .secrets
            .cipher
            .encrypt(&XNonce::from(nonce), sealing)
            .map_err(|error| ServiceError::Internal(format!("encrypting a secret: {error}")))?;
        let sealed = Sealed {
            id,
            project: project.clone(),
            name: name.to_owned(),
            description: description.map(str::to_owned),
            created_at,
            updated_at: now,
            nonce: BASE64_STANDARD.encode(nonce),
            ciphertext: BASE64_STANDARD.encode(ciphertext),
        };
        let cell = serde_json::to_vec(&sealed)
            .map_err(|error| ServiceError::Internal(error.to_string()))?;
        self.put_cell(&cell_name(&sealed.id), Some(cell.into()))
            .await?;
        let secret = sealed.told();
        self.secrets.all().insert(at, sealed);
        Ok(secret)
    }

    /// A project's secrets, newest first, without their values.
    #[must_use]
    pub fn list_secrets(&self, project: &Project, limit: usize, offset: usize) -> SecretPage {
        let all = self.secrets.all();
        let mut secrets: Vec<&Sealed> = all
            .values()
            .filter(|secret| secret.project == *project)
            .collect();
        secrets.sort_by(|a, b| (&b.created_at, &b.name).cmp(&(&a.created_at, &a.name)));
        SecretPage {
            total: secrets.len(),
            secrets: secrets
                .into_iter()
                .skip(offset)
                .take(limit)
                .map(Sealed::told)
                .collect(),
        }
    }

    /// Deletes a secret by its id and tells what it was.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`]; [`ServiceError::Unavailable`] when the store does not take it.
    pub async fn delete_secret(&self, project: &Project, id: &str) -> Result<Secret, ServiceError> {
        let _one = self.secrets.changing.lock().await;
        let found = {
            let all = self.secrets.all();
            all.values()
                .find(|secret| secret.project == *project && secret.id == id)
                .cloned()
        };
        let Some(sealed) = found else {
            return Err(ServiceError::NotFound(format!(
                "no secret has the id {id:?}"
            )));
        };
        self.put_cell(&cell_name(id), None).await?;
        self.secrets
            .all()
            .remove(&(sealed.project.clone(), sealed.name.clone()));
        Ok(sealed.told())
    }

    /// A secret's value: for what hooks send out, and nothing else.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`]; [`ServiceError::Internal`] when it was encrypted under another key.
    pub fn reveal_secret(&self, project: &Project, name: &str) -> Result<String, ServiceError> {
        let found = {
            let all = self.secrets.all();
            all.get(&(project.clone(), name.to_owned())).cloned()
        };
        let Some(sealed) = found else {
            return Err(ServiceError::NotFound(format!(
                "no secret is named {name:?} in project {project}"
            )));
        };
        let unreadable = || {
            ServiceError::Internal(format!(
                "the secret {name:?} cannot be decrypted: its key is another one or it is damaged"
            ))
        };
        let nonce: [u8; NONCE_BYTES] = BASE64_STANDARD
            .decode(&sealed.nonce)
            .ok()
            .and_then(|nonce| nonce.try_into().ok())
            .ok_or_else(unreadable)?;
        let ciphertext = BASE64_STANDARD
            .decode(&sealed.ciphertext)
            .map_err(|_| unreadable())?;
        let opening = Payload {
            msg: &ciphertext,
            aad: &bound_to(project, &sealed.id, name),
        };
        let value = self
            .secrets
            .cipher
            .decrypt(&XNonce::from(nonce), opening)
            .map_err(|_| unreadable())?;
        String::from_utf8(value).map_err(|_| unreadable())
    }

    /// Sets or removes a cell, and waits until that is durable.
    pub(super) async fn put_cell(
        &self,
        name: &str,
        value: Option<Bytes>,
    ) -> Result<(), ServiceError> {
        let (reply, done) = oneshot::channel();
        let told = Box::new(move |result| {
            let _ = reply.send(result);
        });
        self.shared.store.put(name, value, told);
        Ok(done.await.unwrap_or(Err(StoreError::Closed))?)
    }
}

impl Sealed {
    fn told(&self) -> Secret {
        Secret {
            id: self.id.clone(),
            name: self.name.clone(),
            description: self.description.clone(),
            created_at: self.created_at.clone(),
            updated_at: self.updated_at.clone(),
        }
    }
}

fn cell_name(id: &str) -> String {
    format!("{CELLS}{id}")
}

fn bound_to(project: &Project, id: &str, name: &str) -> Vec<u8> {
    // No project and no id holds a NUL.
    [project.as_str(), id, name].join("\0").into_bytes()
}

fn new_id() -> Result<String, ServiceError> {
    let bytes = random::<12>().map_err(ServiceError::Internal)?;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("secret_{hex}"))
}

fn random<const N: usize>() -> Result<[u8; N], String> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| format!("no random bytes: {error}"))?;
    Ok(bytes)
}

/// Reads the key, or makes one: whole or not at all, and nobody else's to read at any moment.
fn key_file(path: &Path) -> Result<[u8; KEY_BYTES], KeyError> {
    let failed = |why: String| KeyError {
        path: path.display().to_string(),
        why,
    };
    match std::fs::read(path) {
        Ok(bytes) => {
            let len = bytes.len();
            bytes.try_into().map_err(|_| {
                failed(format!("{len} bytes, but a key has {KEY_BYTES}; restore it from a backup, or remove it and lose the secrets"))
            })
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let key = random::<KEY_BYTES>().map_err(failed)?;
            write_key(path, &key).map_err(|error| failed(error.to_string()))?;
            Ok(key)
        }
        Err(error) => Err(failed(error.to_string())),
    }
}

fn write_key(path: &Path, key: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    // Temporary files are made with mode 0600.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(key)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    std::fs::File::open(folder)?.sync_all()
}
