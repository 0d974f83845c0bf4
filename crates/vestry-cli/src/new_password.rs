//! Choosing a new password: a generated passphrase is on offer, an own one is typed twice, and both are judged before
//! anything is sent: by the rules of the protocol, and by how hard they are to guess (`vestry_client::strength`).

use crate::context::Context;
use crate::failure::Failure;
use crate::passphrase;
use vestry_client::{StrongPassword, WeakPassword, refuse_without_memory};
use vestry_protocol::fields::{Password, PasswordOwner, PasswordPolicy};
use vestry_protocol::user::ServerDescription;

/// Below this the program takes a password and says that it could be better.
const GUESSES_LOG10_ADVISED: f64 = 12.0;

/// Returns what the server expects of a new password; the default when it asks for less than 8 characters or over 256.
pub(super) fn policy_of(server: &ServerDescription) -> PasswordPolicy {
    let chars_min = usize::try_from(server.password_chars_min).unwrap_or(usize::MAX);
    PasswordPolicy::with_chars_min(chars_min).unwrap_or_default()
}

/// Returns a new password that `policy` allows and that is not easy to guess; `None` when the person gave up.
pub(super) fn choose(
    context: &mut Context,
    policy: PasswordPolicy,
    owner: &PasswordOwner<'_>,
) -> Result<Option<StrongPassword>, Failure> {
    if context.secrets.come_from_person() && context.prompt.is_there() {
        return ask(context, policy, owner);
    }
    let password = context.secrets.next_password("the new password", "")?;
    let password = StrongPassword::judge(policy, password, owner)?;
    advise(context, &password);
    Ok(Some(password))
}

/// Judges a chosen password again for an owner of another name, and has another one chosen when it is not fit for that.
pub(super) fn keep_or_choose(
    context: &mut Context,
    policy: PasswordPolicy,
    owner: &PasswordOwner<'_>,
    chosen: StrongPassword,
) -> Result<Option<StrongPassword>, Failure> {
    match chosen.judge_again(policy, owner) {
        Ok(kept) => Ok(Some(kept)),
        Err(problem) => {
            context.output.talk(format_args!("  {problem}"));
            choose(context, policy, owner)
        }
    }
}

fn ask(
    context: &Context,
    policy: PasswordPolicy,
    owner: &PasswordOwner<'_>,
) -> Result<Option<StrongPassword>, Failure> {
    refuse_without_memory()?;
    let offered = passphrase::generate(policy.chars_min())?;
    let offered = StrongPassword::judge(policy, Password::parse(&offered)?, owner)?;
    // Where it is asked, and nowhere else: whoever takes it has seen it, and no log has it.
    let intro = "Choose a password. Here is a good one; write it down before you take it:";
    context.prompt.show_phrase("a password", intro, offered.as_password().expose_secret())?;
    loop {
        let Some(typed) =
            context.prompt.secret("Password (Enter takes the one above, or type your own): ")?
        else {
            return Ok(Some(offered));
        };
        let judged = Password::parse(&typed)
            .map_err(WeakPassword::from)
            .and_then(|password| StrongPassword::judge(policy, password, owner));
        match judged {
            Ok(password) => {
                let again = context.prompt.secret("Type it once more (Enter to choose another): ")?;
                let Some(again) = again else { continue };
                let first = password.as_password().expose_secret();
                if Password::parse(&again).is_ok_and(|again| again.expose_secret() == first) {
                    advise(context, &password);
                    return Ok(Some(password));
                }
                context.output.talk("  The two are not the same. Please type it again.");
            }
            Err(problem) => context.output.talk(format_args!("  {problem}")),
        }
    }
}

/// Says in one line when it is allowed but could be better.
fn advise(context: &Context, password: &StrongPassword) {
    if let Some(advice) = advice_for(password.guesses_log10()) {
        context.output.talk(advice);
    }
}

fn advice_for(guesses_log10: f64) -> Option<String> {
    (guesses_log10 < GUESSES_LOG10_ADVISED).then(|| {
        format!("  It is allowed, but about 10^{guesses_log10:.0} guesses would find it; more unrelated words help.")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use vestry_protocol::UnixSeconds;

    #[test]
    fn only_a_weak_password_is_advised_against() {
        assert_eq!(
            advice_for(7.6).as_deref(),
            Some("  It is allowed, but about 10^8 guesses would find it; more unrelated words help.")
        );
        assert_eq!(advice_for(12.0), None);
    }

    #[test]
    fn a_server_cannot_ask_for_less_than_the_floor() {
        let server = |password_chars_min| ServerDescription {
            version: String::new(),
            registration_open: true,
            password_chars_min,
            now: UnixSeconds::default(),
        };
        assert_eq!(policy_of(&server(20)).chars_min(), 20);
        for mad in [0, 7, 100_000, u64::MAX] {
            assert_eq!(policy_of(&server(mad)).chars_min(), 15, "{mad}");
        }
    }
}
