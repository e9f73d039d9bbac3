//! Backups that are encrypted as a whole, in the age format (age-encryption.org/v1): any age program can open them.
//!
//! Everything is streamed, so that a backup of any size takes little memory. A passphrase comes from a file, from the
//! environment or from a terminal, never from an argument.

use age::{
    Decryptor, Encryptor, IdentityFile, armor::ArmoredReader, scrypt, secrecy::SecretString, x25519,
};
use anyhow::{Context, anyhow, bail, ensure};
use domain::secret::Secret;
use std::{
    fs::File,
    io::{self, BufReader, BufWriter, ErrorKind, IsTerminal, Read, Write},
    path::Path,
};

/// What an encrypted file begins with: binary, or as text.
const BEGINNINGS: [&[u8]; 2] = [
    b"age-encryption.org/v1\n",
    b"-----BEGIN AGE ENCRYPTED FILE-----",
];
/// The setting with the passphrase.
const PASSPHRASE: &str = "EDGE_DELIVERY_BACKUP_PASSPHRASE";
/// A backup lies around for years, where anybody can guess as long as they like.
const PASSPHRASE_MIN: usize = 12;
/// How much work one try of a passphrase is: 2^17 rounds of scrypt take 128 MiB. Fixed, since age's own choice by time
/// takes 1 GiB on a fast machine, which not every server has.
const WORK: u8 = 17;
/// What is taken on for a file of another program's making: 1 GiB.
const WORK_MAX: u8 = 20;
/// More than any passphrase; a larger file is something else.
const PASSPHRASE_FILE_MAX: u64 = 4096;

/// For whom something is encrypted.
pub(super) enum Recipients {
    /// Whoever knows the passphrase.
    Passphrase(Secret),
    /// Whoever has the identity of one of these.
    Keys(Vec<x25519::Recipient>),
}

impl Recipients {
    /// The recipients of these words (`age1…`).
    ///
    /// # Errors
    ///
    /// When one is none.
    pub(super) fn keys(words: &[String]) -> anyhow::Result<Self> {
        words
            .iter()
            .map(|word| {
                word.parse().map_err(|_| {
                    anyhow!("--recipient wants an age recipient, which begins with age1 (age-keygen prints one): {word:?} is none")
                })
            })
            .collect::<anyhow::Result<_>>()
            .map(Self::Keys)
    }

    /// Those who know the passphrase: of the file, of the environment, or asked for twice.
    ///
    /// # Errors
    ///
    /// When there is none, or one that is too short.
    pub(super) fn passphrase(file: Option<&Path>) -> anyhow::Result<Self> {
        let passphrase = match given_passphrase(file)? {
            Some(passphrase) => passphrase,
            None if io::stdin().is_terminal() => {
                let first = Secret::new(rpassword::prompt_password("Passphrase of the backup: ")?);
                let second = Secret::new(rpassword::prompt_password("Once more: ")?);
                ensure!(
                    first == second,
                    "the two passphrases differ; nothing was written"
                );
                first
            }
            None => bail!(no_passphrase()),
        };
        ensure!(
            passphrase.expose().chars().count() >= PASSPHRASE_MIN,
            "the passphrase must have at least {PASSPHRASE_MIN} characters; nothing was written"
        );
        Ok(Self::Passphrase(passphrase))
    }

    /// Encrypts from one file into another.
    ///
    /// # Errors
    ///
    /// When reading or writing fails.
    pub(super) fn encrypt(&self, from: &mut File, into: File) -> anyhow::Result<File> {
        let encryptor = match self {
            Self::Passphrase(passphrase) => {
                let mut recipient = scrypt::Recipient::new(secret(passphrase));
                recipient.set_work_factor(WORK);
                Encryptor::with_recipients(std::iter::once(&recipient as &dyn age::Recipient))?
            }
            Self::Keys(keys) => {
                let keys = keys.iter().map(|key| -> &dyn age::Recipient { key });
                Encryptor::with_recipients(keys)?
            }
        };
        let mut writer = encryptor.wrap_output(BufWriter::new(into))?;
        io::copy(from, &mut writer)?;
        let mut written = writer.finish()?;
        written.flush()?;
        written
            .into_inner()
            .map_err(|error| anyhow!("the rest could not be written: {}", error.error()))
    }
}

fn secret(passphrase: &Secret) -> SecretString {
    SecretString::from(passphrase.expose().to_owned())
}

fn no_passphrase() -> String {
    format!(
        "there is no terminal to ask for the passphrase: name a file with --passphrase-file, or set {PASSPHRASE}"
    )
}

/// The first line of the file, else the setting.
fn given_passphrase(file: Option<&Path>) -> anyhow::Result<Option<Secret>> {
    let Some(path) = file else {
        return match std::env::var(PASSPHRASE) {
            Ok(text) if !text.is_empty() => Ok(Some(Secret::new(text))),
            Ok(_) | Err(std::env::VarError::NotPresent) => Ok(None),
            Err(std::env::VarError::NotUnicode(_)) => bail!("{PASSPHRASE} is not text"),
        };
    };
    let mut text = zeroize::Zeroizing::new(String::new());
    File::open(path)
        .and_then(|file| file.take(PASSPHRASE_FILE_MAX).read_to_string(&mut text))
        .with_context(|| format!("the passphrase's file {} cannot be read", path.display()))?;
    let line = text.lines().next().unwrap_or_default();
    ensure!(
        !line.is_empty(),
        "the first line of {} is empty",
        path.display()
    );
    Ok(Some(Secret::new(line)))
}

/// Whether a file is encrypted, by its beginning.
///
/// # Errors
///
/// When it cannot be read.
pub(super) fn is_encrypted(file: &Path) -> io::Result<bool> {
    let begins = beginning(file)?;
    Ok(BEGINNINGS.iter().any(|known| begins.starts_with(known)))
}

/// The first bytes of a file, or fewer when there are no more.
///
/// # Errors
///
/// When it cannot be read.
pub(super) fn beginning(file: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(file)?.take(64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What opens an encrypted file.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Opening {
    /// File with the age identity (AGE-SECRET-KEY-1…) that the backup was encrypted to
    #[arg(long, value_name = "FILE", conflicts_with = "passphrase_file")]
    identity: Option<std::path::PathBuf>,
    /// File whose first line is the passphrase [default: EDGE_DELIVERY_BACKUP_PASSPHRASE, else asked for]
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<std::path::PathBuf>,
}

impl Opening {
    /// Decrypts from one file into another.
    ///
    /// # Errors
    ///
    /// Words for a wrong passphrase or identity, a damaged or cut file.
    pub(super) fn decrypt(&self, from: &Path, into: File) -> anyhow::Result<()> {
        let input = ArmoredReader::new(BufReader::new(File::open(from)?));
        let decryptor =
            Decryptor::new_buffered(BufReader::new(input)).map_err(|error| unusable(&error))?;
        let mut plain = if decryptor.is_scrypt() {
            ensure!(
                self.identity.is_none(),
                "the backup is encrypted with a passphrase, not to an identity: leave --identity out"
            );
            let mut identity = scrypt::Identity::new(secret(&self.passphrase()?));
            identity.set_max_work_factor(WORK_MAX);
            decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity))
        } else {
            let path = self.identity.as_ref().context(
                "the backup is encrypted to an age identity: name its file with --identity FILE (it holds AGE-SECRET-KEY-1…)",
            )?;
            let words = || format!("{} holds no age identity (AGE-SECRET-KEY-1…)", path.display());
            let identities = IdentityFile::from_file(path.display().to_string())
                .with_context(words)?
                .into_identities()
                .map_err(|error| anyhow!("{}: {error}", words()))?;
            ensure!(!identities.is_empty(), words());
            decryptor.decrypt(identities.iter().map(|identity| -> &dyn age::Identity { &**identity }))
        }
        .map_err(|error| unusable(&error))?;
        let mut into = BufWriter::new(into);
        io::copy(&mut plain, &mut into).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof | ErrorKind::InvalidData => damaged(),
            _ => anyhow!("the backup could not be decrypted: {error}"),
        })?;
        into.flush()?;
        Ok(())
    }

    fn passphrase(&self) -> anyhow::Result<Secret> {
        match given_passphrase(self.passphrase_file.as_deref())? {
            Some(passphrase) => Ok(passphrase),
            None if io::stdin().is_terminal() => Ok(Secret::new(rpassword::prompt_password(
                "Passphrase of the backup: ",
            )?)),
            None => bail!(no_passphrase()),
        }
    }
}

fn damaged() -> anyhow::Error {
    anyhow!(
        "the encrypted backup is damaged or was cut off: copy it again from where it was written"
    )
}

fn unusable(error: &age::DecryptError) -> anyhow::Error {
    use age::DecryptError;
    match error {
        DecryptError::KeyDecryptionFailed | DecryptError::DecryptionFailed => {
            anyhow!("wrong passphrase: the backup does not open with it")
        }
        DecryptError::NoMatchingKeys => {
            anyhow!("wrong identity: the backup was not encrypted to it")
        }
        DecryptError::ExcessiveWork { .. } => anyhow!(
            "one try of the backup's passphrase would take more than 1 GiB of memory: decrypt it with an age program on a larger machine, and restore the result"
        ),
        DecryptError::UnknownFormat => {
            anyhow!("the backup is in a newer form of age than this version reads")
        }
        _ => damaged(),
    }
}
