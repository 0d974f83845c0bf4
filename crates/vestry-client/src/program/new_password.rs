//! Choosing a new password: a generated passphrase is on offer, an own one is typed twice, and both are judged here
//! before anything is sent.

use super::context::Context;
use super::failure::Failure;
use super::passphrase;
use vestry_protocol::fields::{Password, PasswordPolicy, PasswordProblem, estimated_guesses_log10};
use vestry_protocol::user::ServerDescription;

/// Below this a stolen database would give the password away to one rented machine in about a day.
const GUESSES_LOG10_ADVISED: f64 = 12.0;

/// What the server expects of a new password.
pub(super) fn policy_of(server: &ServerDescription) -> PasswordPolicy {
    let chars_min = usize::try_from(server.password_chars_min).unwrap_or(usize::MAX);
    PasswordPolicy::with_chars_min(chars_min).unwrap_or_default()
}

/// A new password that `policy` allows; `words` are those that its owner is known by. `None` when the person gave up.
pub(super) fn choose(
    context: &mut Context,
    policy: PasswordPolicy,
    words: &[&str],
) -> Result<Option<Password>, Failure> {
    if context.secrets.come_from_person() && context.prompt.is_there() {
        return ask(context, policy, words);
    }
    let password = context.secrets.next_password("the new password", "")?;
    policy.judge(&password, words)?;
    advise(context, &password, words);
    Ok(Some(password))
}

fn ask(context: &Context, policy: PasswordPolicy, words: &[&str]) -> Result<Option<Password>, Failure> {
    let offered = passphrase::generate(policy.chars_min())?;
    context.output.talk("Choose a password. Here is a good one; write it down before you take it:");
    context.output.talk(format_args!("\n    {}\n", offered.expose_secret()));
    loop {
        let Some(typed) =
            context.prompt.secret("Password (Enter takes the one above, or type your own): ")?
        else {
            return Ok(Some(Password::parse(&offered)?));
        };
        match judge_typed(policy, &typed, words) {
            Ok(password) => {
                let again = context.prompt.secret("Type it once more (Enter to choose anew): ")?;
                let Some(again) = again else { continue };
                if Password::parse(&again).is_ok_and(|a| a.expose_secret() == password.expose_secret()) {
                    advise(context, &password, words);
                    return Ok(Some(password));
                }
                context.output.talk("  The two are not the same. Please type it again.");
            }
            Err(problem) => context.output.talk(format_args!("  {problem}")),
        }
    }
}

fn judge_typed(
    policy: PasswordPolicy,
    typed: &vestry_protocol::secret::SecretText,
    words: &[&str],
) -> Result<Password, PasswordProblem> {
    let password = Password::parse(typed)?;
    policy.judge(&password, words)?;
    Ok(password)
}

/// One plain line when it is allowed but weak.
fn advise(context: &Context, password: &Password, words: &[&str]) {
    if let Some(advice) = advice_for(estimated_guesses_log10(password, words)) {
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
            now: 0,
        };
        assert_eq!(policy_of(&server(20)).chars_min(), 20);
        for mad in [0, 7, 100_000, u64::MAX] {
            assert_eq!(policy_of(&server(mad)).chars_min(), 15, "{mad}");
        }
    }
}
