//! `pclr completions`: what a shell needs to complete commands and flags.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::args::Cli;
use super::failure::Exit;
use super::output::raw;

/// Print the completions of a shell
#[derive(Debug, Args)]
#[command(after_help = "For bash: pclr completions bash > ~/.local/share/bash-completion/completions/pclr")]
pub(super) struct Completions {
    /// Which shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Commands whose arguments are names of packages, in bash. A value is never read as a pattern or as several words: names are
/// what a registry says.
const NAMES_IN_BASH: &str = r#"
# Names of packages, as the registry has them.
_pclr_names() {
    _pclr "$@"
    local word="${COMP_WORDS[COMP_CWORD]}"
    [[ $COMP_CWORD -gt 1 && $word != -* ]] || return 0
    case "${COMP_WORDS[1]}" in
        show|versions|resolve|pull|add|related|dependencies|dependents|yank|deprecate|rollback|tag|diff|history|restore|star|unstar|stats)
            mapfile -t COMPREPLY < <(pclr complete --of name --values --limit 50 -- "$word" 2>/dev/null) ;;
    esac
}
complete -F _pclr_names -o nosort -o bashdefault -o default pclr
"#;

impl Completions {
    pub(super) fn run(self) -> anyhow::Result<Exit> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "pclr", &mut script);
        if self.shell == Shell::Bash {
            script.extend_from_slice(NAMES_IN_BASH.as_bytes());
        }
        raw(&script)?;
        Ok(Exit::Done)
    }
}
