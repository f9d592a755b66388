//! A letter as the net wants it (RFC 5322, MIME). Encoding headers and bodies is lettre's; what goes in is ours.

use lettre::{
    Address, Message,
    message::{
        Attachment, Mailbox, MultiPart, SinglePart,
        header::{ContentType, Header, HeaderName, HeaderValue},
    },
};
use stampede_actors::ports::{Letter, PortFailure, PortResult};
use std::{error::Error, fmt, str::FromStr};

/// Longest id of a letter: it is a file's name, too.
const MOST_ID_BYTES: usize = 128;

/// Who the mails are from.
#[derive(Clone, Debug)]
pub struct Sender(Mailbox);

/// It is no address, or one with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write it like tickets@example.org or Stampede <tickets@example.org>")]
pub struct SenderRefused;

impl FromStr for Sender {
    type Err = SenderRefused;

    fn from_str(text: &str) -> Result<Self, SenderRefused> {
        text.parse().map(Self).map_err(|_| SenderRefused)
    }
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Sender {
    /// What stands after the `@`: the host that names us and our letters.
    pub(super) fn host(&self) -> &str {
        self.0.email.domain()
    }
}

/// Nobody wrote this by hand, so nobody's absence is to answer (RFC 3834, 5).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// The letter in its envelope.
pub(super) fn message(from: &Sender, letter: &Letter) -> PortResult<Message> {
    let impossible = |what: &str| PortFailure::Impossible(format!("letter {}: {what}", letter.id));
    if !is_good(&letter.id) {
        return Err(PortFailure::Impossible("a letter's id is made of letters, digits, “.”, “-” and “_”".into()));
    }
    let to: Address = letter.to.parse().map_err(|_| impossible("its address is none"))?;
    let texts = MultiPart::alternative()
        .singlepart(SinglePart::plain(letter.text.clone()))
        .singlepart(SinglePart::html(letter.html.clone()));
    let mut parts = MultiPart::mixed().multipart(texts);
    for attachment in &letter.attachments {
        let media_type = ContentType::parse(attachment.media_type).map_err(|_| impossible("a media type is none"))?;
        parts = parts.singlepart(Attachment::new(attachment.name.clone()).body(attachment.bytes.clone(), media_type));
    }
    let message = Message::builder()
        .from(from.0.clone())
        .to(Mailbox::new(None, to))
        .subject(one_line(&letter.subject))
        .message_id(Some(format!("<{}@{}>", letter.id, from.host())))
        .header(AutoSubmitted)
        .multipart(parts);
    message.map_err(|_| impossible("it cannot be put into an envelope"))
}

fn is_good(id: &str) -> bool {
    let is_of_it = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    (1..=MOST_ID_BYTES).contains(&id.len()) && id.bytes().all(is_of_it) && !id.starts_with('.')
}

/// Whatever a subject holds, it is one header.
fn one_line(subject: &str) -> String {
    subject.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}
