# Runs a command in a terminal of its own (a pty) and types when it is asked: argv[1] is a JSON list of [pattern, answer],
# the rest the command. "{word}" in an answer is the recovery kit's word whose number the pattern caught. Prints as JSON
# what the terminal showed, the exit status, and whether it echoes again at the end.
import json
import os
import pty
import re
import select
import sys
import termios

SECONDS_MAX = 60


def main():
    steps = json.loads(sys.argv[1])
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp(sys.argv[2], sys.argv[2:])
    shown, seen = b'', 0
    echo = None
    while True:
        ready, _, _ = select.select([terminal], [], [], SECONDS_MAX)
        if not ready:
            os.kill(pid, 9)
            break
        try:
            piece = os.read(terminal, 4096)
        except OSError:
            piece = b''
        if not piece:
            break
        shown += piece
        if steps:
            match = re.search(steps[0][0].encode(), shown[seen:])
            if match:
                answer = steps.pop(0)[1]
                if '{word}' in answer:
                    number = match.group(1).decode()
                    word = re.search(r'\b' + number + r'\.\s+([a-z]+)', shown.decode(errors='replace')).group(1)
                    answer = answer.replace('{word}', word)
                seen += match.end()
                os.write(terminal, answer.encode())
        echo = bool(termios.tcgetattr(terminal)[3] & termios.ECHO)
    _, status = os.waitpid(pid, 0)
    print(json.dumps({'shown': shown.decode(errors='replace'), 'status': os.waitstatus_to_exitcode(status), 'echo': echo, 'left': len(steps)}))


main()
