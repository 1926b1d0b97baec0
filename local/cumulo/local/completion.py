"""Shell completion: Pulumi's own answers, with our commands among them.

Pulumi answers `pulumi __complete WORDS…` with a line for each candidate (the word, a tab, what it
does) and a last one with a number that says how to treat them. `cumulo __complete` answers alike,
and the shells' scripts ask it.
"""

import os
import subprocess
import sys

from click.shell_completion import ShellComplete
from cumulo.local import environment, toolchain
from cumulo.local.cli import OURS
from cumulo.local.commands import cumulo

_NO_FILES = ":4"

_BASH = r"""
_cumulo() {
    local line word="${COMP_WORDS[COMP_CWORD]}"
    COMPREPLY=()
    while IFS= read -r line; do
        case $line in
            :*) ;;
            *) COMPREPLY+=("${line%%$'\t'*}") ;;
        esac
    done < <(cumulo __complete "${COMP_WORDS[@]:1:COMP_CWORD-1}" "$word" 2>/dev/null)
}
complete -o default -F _cumulo cumulo
"""

_ZSH = r"""
#compdef cumulo
_cumulo() {
    local line
    local -a found
    for line in "${(@f)$(cumulo __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
        [[ $line == :* || -z $line ]] && continue
        line=${line//:/\\:}
        found+=("${line/$'\t'/:}")
    done
    if (( $#found )); then
        _describe command found
    else
        _files
    fi
}
compdef _cumulo cumulo
"""

_FISH = r"""
function __cumulo_complete
    set -l words (commandline -opc) (commandline -ct)
    cumulo __complete $words[2..-1] 2>/dev/null | string match -v -r '^:'
end
complete -c cumulo -f -a '(__cumulo_complete)'
"""

SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}
"""The completion script of each shell."""


def answer(words: list[str]) -> None:
    """Prints the candidates for the last word, in Pulumi's form."""
    if len(words) > 1 and words[0] in OURS:
        lines = [*_ours(words[:-1], words[-1]), _NO_FILES]
    else:
        *found, directive = _pulumis(words) or [_NO_FILES]
        own = _ours([], words[-1]) if len(words) == 1 else []
        lines = [*own, *found, directive]
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def _ours(before: list[str], incomplete: str) -> list[str]:
    items = ShellComplete(cumulo, {}, "cumulo", "").get_completions(before, incomplete)
    return [f"{item.value}\t{item.help}" if item.help else str(item.value) for item in items]


def _pulumis(words: list[str]) -> list[str]:
    # Whoever presses Tab does not want to wait for a build.
    program = toolchain.ready()
    if program is None:
        return []
    run = subprocess.run(
        [program, "__complete", *words],
        env={**os.environ, **environment.environment(program)},
        capture_output=True,
        text=True,
        check=False,
    )
    return run.stdout.splitlines()
