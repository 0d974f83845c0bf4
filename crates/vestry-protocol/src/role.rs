//! The roles of operators, as certificates, the database and the admin port name them. Messages carry the word.

/// What an operator may do, from the least to the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Look.
    Viewer,
    /// Help people with their accounts.
    Helpdesk,
    /// Everything.
    Admin,
}

impl Role {
    /// Every role, from the least to the most.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Helpdesk, Self::Admin];

    /// Returns the word in certificates, the database and messages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Helpdesk => "helpdesk",
            Self::Admin => "admin",
        }
    }

    /// Reads that word; `None` when it is no role of this version.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_read_from_its_word_and_from_no_other() {
        for role in Role::ALL {
            assert_eq!(Role::parse(role.as_str()), Some(role));
        }
        for text in ["", "Admin", " admin", "root"] {
            assert_eq!(Role::parse(text), None, "{text:?} was taken");
        }
        assert!(Role::Viewer < Role::Helpdesk && Role::Helpdesk < Role::Admin);
    }
}
