//! Who asks, and what they may do. One pure function decides; every use case asks it first.

use std::str::FromStr;

use super::Repository;
use super::text::text_value;

/// What callers without an account may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Nothing.
    None,
    /// Read what is public.
    Read,
    /// Read, publish and delete. The default on loopback, where only this machine can call.
    Write,
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A caller without an account, with what the operator lets such callers do.
    Anonymous(Access),
    /// Whoever runs the program with the store at hand.
    Operator,
}

impl Actor {
    /// The name that events carry.
    pub fn id(self) -> ActorId {
        match self {
            Self::Anonymous(_) => ActorId("anonymous".to_owned()),
            Self::Operator => ActorId("operator".to_owned()),
        }
    }
}

/// The name of an actor as events carry it. Never an address or an e-mail.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ActorId(String);

impl ActorId {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ActorId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b":-_.".contains(&byte);
        if text.is_empty() || text.len() > 128 || !text.bytes().all(allowed) {
            return Err(format!("{text:?} is not an actor"));
        }
        Ok(Self(text.to_owned()))
    }
}

text_value!(ActorId);

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Read names, metadata and bytes.
    Read,
    /// Upload, push, publish.
    Push,
    /// Delete tags, manifests and blobs.
    Delete,
    /// Change the state of what is published: yank, deprecate, restore.
    Manage,
    /// Rebuild, collect, import past the network.
    Operate,
}

/// To what.
#[derive(Clone, Copy, Debug)]
pub enum Scope<'a> {
    /// The registry as a whole: lists and searches.
    Registry,
    /// One repository.
    Repository(&'a Repository),
}

/// Whether the actor may do this here.
pub fn allows(actor: &Actor, action: Action, _scope: Scope<'_>) -> bool {
    match (actor, action) {
        (Actor::Operator, _) => true,
        (Actor::Anonymous(_), Action::Operate) | (Actor::Anonymous(Access::None), _) => false,
        (Actor::Anonymous(Access::Read), action) => action == Action::Read,
        (Actor::Anonymous(Access::Write), _) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anonymous_callers_do_what_the_operator_lets_them() {
        let may = |access, action| allows(&Actor::Anonymous(access), action, Scope::Registry);
        assert!(!may(Access::None, Action::Read));
        assert!(may(Access::Read, Action::Read));
        for action in [Action::Push, Action::Delete, Action::Manage] {
            assert!(!may(Access::Read, action));
            assert!(may(Access::Write, action));
        }
        assert!(!may(Access::Write, Action::Operate));
        assert!(allows(&Actor::Operator, Action::Operate, Scope::Registry));
    }
}
