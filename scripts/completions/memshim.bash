# SPDX-License-Identifier: MIT
# bash completion for memshim(1): commands, their options, and the values that have a list.

_memshim_options() {
	memshim help "$1" 2>/dev/null | sed -n 's/^  \(-., \|    \)\(--[a-z-]*=\{0,1\}\).*/\2/p'
}

_memshim_commands() {
	memshim help 2>/dev/null | sed -n 's/^  \([a-z]\{1,\}\) .*/\1/p'
}

# The names in a list of a command's help.
_memshim_list() {
	memshim help "$1" 2>/dev/null | sed -n "/^$2/,\$s/^  \([a-z_]*\) .*/\1/p"
}

_memshim_values() {
	case $1 in
	--call) echo brk sbrk shmget shmat shmdt shmctl semget semctl semop semtimedop msgget msgctl msgsnd msgrcv start fork exec exit ;;
	--view) echo processes segments sites events findings ipc ;;
	--color) echo auto always never ;;
	--expect) _memshim_list report NAME | sed "s/\$/=/" ;;
	--format) [ "$2" = graph ] && echo text dot mermaid json || _memshim_list export formats ;;
	--pid | -p | --process) ps -e -o pid= ;;
	--sort | --columns) _memshim_list "$2" columns ;;
	esac
}

_memshim() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]} values
	COMPREPLY=()
	if [ "$COMP_CWORD" -eq 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_memshim_commands) --help --version" -- "$word")
		return
	fi
	# "--call=" comes as two words, or with its value as three.
	[ "$word" = "=" ] && word= || { [ "$before" = "=" ] && before=${COMP_WORDS[COMP_CWORD - 2]}; }
	values=$(_memshim_values "$before" "$command")
	if [ -n "$values" ]; then
		mapfile -t COMPREPLY < <(compgen -W "$values" -- "$word")
	elif [[ $word == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_memshim_options "$command")" -- "$word")
		[[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace
	elif [[ $before == --@(suppress|output|flame|sysroot) || $before == -o ]]; then
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
	elif [ "$command" = help ]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_memshim_commands)" -- "$word")
	elif [ "$command" = rm ]; then
		mapfile -t COMPREPLY < <(compgen -W "$(memshim ls --no-headings --columns=session 2>/dev/null)" -- "$word")
	elif [ "$command" = record ] || [ "$command" = doctor ]; then
		mapfile -t COMPREPLY < <(compgen -c -- "$word")
	else
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
	fi
}

complete -F _memshim -o filenames memshim
