//! Who asks, and what they may do. One pure function decides; every use case asks it first.

use std::str::FromStr;
use std::sync::Arc;

use super::text::text_value;
use super::{OrgName, Repository, Role, User, UserName};

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

/// Who asks. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A caller without an account, with what the operator lets such callers do.
    Anonymous(Access),
    /// Somebody with an account, who has proved it.
    User(Arc<User>),
    /// Whoever runs the program with the store at hand, or has one of the operator's tokens.
    Operator,
}

impl Actor {
    /// The name that events carry.
    pub fn id(&self) -> ActorId {
        match self {
            Self::Anonymous(_) => ActorId("anonymous".to_owned()),
            Self::User(user) => ActorId(format!("user:{}", user.name)),
            Self::Operator => ActorId("operator".to_owned()),
        }
    }

    /// The user, if it is one.
    pub fn user(&self) -> Option<&User> {
        match self {
            Self::User(user) => Some(user),
            Self::Anonymous(_) | Self::Operator => None,
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

    /// The user that it names, if it is one.
    pub fn user(&self) -> Option<UserName> {
        self.0.strip_prefix("user:")?.parse().ok()
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
    /// Change the state of what is published: yank, deprecate, restore. Of an organisation: who has which role. Of an
    /// account: its tokens.
    Manage,
    /// Rebuild, collect, import past the network; add and remove users.
    Operate,
}

/// To what.
#[derive(Clone, Copy, Debug)]
pub enum Scope<'a> {
    /// The registry as a whole: lists and searches.
    Registry,
    /// One repository, whoever owns it.
    Repository(&'a Repository),
    /// One package, and who owns it.
    Package(&'a Repository, &'a [UserName]),
    /// What is private of one repository, and who owns the package.
    Private(&'a Repository, &'a [UserName]),
    /// Who owns one package, and who does so far.
    Owners(&'a Repository, &'a [UserName]),
    /// One organisation: its profile and its members, not its packages.
    Org(&'a OrgName),
    /// One user's account: its roles and tokens.
    Account(&'a UserName),
}

/// Whether the actor may do this here.
pub fn allows(actor: &Actor, action: Action, scope: Scope<'_>) -> bool {
    match actor {
        Actor::Operator => true,
        Actor::Anonymous(access) => everybody_may(*access, action, scope),
        Actor::User(user) => everybody_may(user.everybody, action, scope) || user_may(user, action, scope),
    }
}

/// What needs no account.
fn everybody_may(access: Access, action: Action, scope: Scope<'_>) -> bool {
    match (scope, action) {
        (Scope::Account(_) | Scope::Private(..), _) | (_, Action::Operate) => false,
        (_, Action::Read) => access != Access::None,
        // Roles, owners and tokens outlast what the operator lets everybody do today.
        (Scope::Org(_) | Scope::Owners(..), _) => false,
        (Scope::Registry | Scope::Repository(_) | Scope::Package(..), _) => access == Access::Write,
    }
}

/// What an account adds to that.
fn user_may(user: &User, action: Action, scope: Scope<'_>) -> bool {
    match (scope, action) {
        (_, Action::Operate) => false,
        (Scope::Account(name), _) => user.name == *name,
        (Scope::Private(repository, owners), Action::Read) => {
            user.role(repository.org()).is_some() || owners.contains(&user.name)
        }
        (Scope::Private(repository, owners), _) => user_may(user, action, Scope::Package(repository, owners)),
        (_, Action::Read) => true,
        (Scope::Registry, _) => false,
        (Scope::Package(_, owners) | Scope::Owners(_, owners), _) if owners.contains(&user.name) => true,
        (Scope::Package(repository, _), _) => user_may(user, action, Scope::Repository(repository)),
        (Scope::Owners(repository, _), _) => user.role(repository.org()) == Some(Role::Owner),
        (Scope::Repository(repository), Action::Push) => user.role(repository.org()) >= Some(Role::Member),
        (Scope::Repository(repository), _) => user.role(repository.org()) == Some(Role::Owner),
        (Scope::Org(org), _) => user.role(org.as_str()) == Some(Role::Owner),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACTIONS: [Action; 5] = [Action::Read, Action::Push, Action::Delete, Action::Manage, Action::Operate];

    fn user(role: Option<Role>, everybody: Access) -> Actor {
        user_in("acme", role, everybody)
    }

    fn user_in(org: &str, role: Option<Role>, everybody: Access) -> Actor {
        let roles = role.map(|role| (org.parse().unwrap(), role)).into_iter().collect();
        Actor::User(Arc::new(User { name: "ann".parse().unwrap(), roles, everybody }))
    }

    /// What the actor may do: one letter for each of [`ACTIONS`], in the registry, in a repository of `acme`, in one of another
    /// organisation, in the organisation `acme`, in another, in the account `ann`, in another; in packages of another
    /// organisation that bob owns, and that ann owns too; and with who owns a package of `acme` that bob owns, and one of another
    /// organisation that ann owns.
    fn grid(actor: &Actor) -> String {
        let (ours, theirs): (Repository, Repository) = ("acme/hello".parse().unwrap(), "acme-2/hello".parse().unwrap());
        let (acme, other): (OrgName, OrgName) = ("acme".parse().unwrap(), "acme-2".parse().unwrap());
        let (ann, bob): (UserName, UserName) = ("ann".parse().unwrap(), "bob".parse().unwrap());
        let (of_bob, of_both) = ([bob.clone()], [ann.clone(), bob.clone()]);
        let scopes = [
            Scope::Registry,
            Scope::Repository(&ours),
            Scope::Repository(&theirs),
            Scope::Org(&acme),
            Scope::Org(&other),
            Scope::Account(&ann),
            Scope::Account(&bob),
            Scope::Package(&theirs, &of_bob),
            Scope::Package(&theirs, &of_both),
            Scope::Owners(&ours, &of_bob),
            Scope::Owners(&theirs, &of_both),
        ];
        let letters = |scope| -> String {
            let may = |(action, letter)| if allows(actor, action, scope) { letter } else { '-' };
            ACTIONS.into_iter().zip("RPDMO".chars()).map(may).collect()
        };
        scopes.map(letters).join(" ")
    }

    #[test]
    fn everybody_does_what_the_operator_lets_them_and_nothing_to_accounts() {
        for (access, expected) in [
            (Access::None, "----- ----- ----- ----- ----- ----- ----- ----- ----- ----- -----"),
            (Access::Read, "R---- R---- R---- R---- R---- ----- ----- R---- R---- R---- R----"),
            (Access::Write, "RPDM- RPDM- RPDM- R---- R---- ----- ----- RPDM- RPDM- R---- R----"),
        ] {
            assert_eq!(grid(&Actor::Anonymous(access)), expected, "{access:?}");
        }
    }

    #[test]
    fn the_operator_does_everything() {
        assert_eq!(grid(&Actor::Operator), ["RPDMO"; 11].join(" "));
    }

    #[test]
    fn users_do_what_their_roles_say() {
        for access in [Access::None, Access::Read] {
            for (role, expected) in [
                (None, "R---- R---- R---- R---- R---- RPDM- ----- R---- RPDM- R---- RPDM-"),
                (Some(Role::Reader), "R---- R---- R---- R---- R---- RPDM- ----- R---- RPDM- R---- RPDM-"),
                (Some(Role::Member), "R---- RP--- R---- R---- R---- RPDM- ----- R---- RPDM- R---- RPDM-"),
                (Some(Role::Owner), "R---- RPDM- R---- RPDM- R---- RPDM- ----- R---- RPDM- RPDM- RPDM-"),
            ] {
                assert_eq!(grid(&user(role, access)), expected, "{role:?} with {access:?}");
            }
        }
    }

    #[test]
    fn an_account_takes_nothing_away() {
        let open = "RPDM- RPDM- RPDM- R---- R---- RPDM- ----- RPDM- RPDM- R---- RPDM-";
        assert_eq!(grid(&user(None, Access::Write)), open);
        let owner = "RPDM- RPDM- RPDM- RPDM- R---- RPDM- ----- RPDM- RPDM- RPDM- RPDM-";
        assert_eq!(grid(&user(Some(Role::Owner), Access::Write)), owner);
    }

    /// What is private of `acme`, in a package that bob owns, and in one that ann owns too.
    #[test]
    fn what_is_private_is_for_those_with_a_role_and_for_owners() {
        let hidden: Repository = "acme/hidden".parse().unwrap();
        let (ann, bob): (UserName, UserName) = ("ann".parse().unwrap(), "bob".parse().unwrap());
        let (of_bob, of_both) = ([bob.clone()], [ann, bob]);
        let may = |actor: &Actor| -> String {
            let letters = |owners| {
                let may = |(action, letter)| match allows(actor, action, Scope::Private(&hidden, owners)) {
                    true => letter,
                    false => '-',
                };
                ACTIONS.into_iter().zip("RPDMO".chars()).map(may).collect::<String>()
            };
            format!("{} {}", letters(&of_bob[..]), letters(&of_both[..]))
        };
        for access in [Access::None, Access::Read, Access::Write] {
            assert_eq!(may(&Actor::Anonymous(access)), "----- -----", "{access:?}");
            for (role, expected) in [
                (None, "----- RPDM-"),
                (Some(Role::Reader), "R---- RPDM-"),
                (Some(Role::Member), "RP--- RPDM-"),
                (Some(Role::Owner), "RPDM- RPDM-"),
            ] {
                assert_eq!(may(&user(role, access)), expected, "{role:?} with {access:?}");
            }
            let elsewhere = user_in("zeta", Some(Role::Owner), access);
            assert_eq!(may(&elsewhere), "----- RPDM-", "a role in another organisation is none here: {access:?}");
        }
        assert_eq!(may(&Actor::Operator), "RPDMO RPDMO");
    }

    #[test]
    fn a_user_is_named_in_events() {
        let id = user(None, Access::Read).id();
        assert_eq!((id.as_str(), id.as_str().parse()), ("user:ann", Ok(id.clone())));
        assert_eq!(id.user().as_ref().map(UserName::as_str), Some("ann"));
        for nobody in [Actor::Operator, Actor::Anonymous(Access::Write)] {
            assert_eq!(nobody.id().user(), None);
        }
    }
}
