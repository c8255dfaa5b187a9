//! One message as an operator sees it, whatever queue it lies in.

/// One message as an operator sees it; `Id` is what the queue names it by.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry<Id = i64> {
    /// Id.
    pub id: Id,
    /// Where it stands.
    pub state: State,
    /// How many times it was handed out since it was added or put back.
    pub attempts: u32,
    /// Length in bytes.
    pub bytes: i64,
    /// When it was added (RFC 3339).
    pub created: String,
    /// When it is due, its lease ends, or it died (RFC 3339).
    pub due: String,
    /// Why it is dead, or what went wrong the last time.
    pub reason: Option<String>,
}

/// Where a message stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// May be handed out.
    Waiting,
    /// May be handed out later.
    Delayed,
    /// Somebody works on it.
    Leased,
    /// Will not be handed out.
    Dead,
}

impl State {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            State::Waiting => "waiting",
            State::Delayed => "delayed",
            State::Leased => "leased",
            State::Dead => "dead",
        }
    }
}
