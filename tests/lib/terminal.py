# SPDX-License-Identifier: GPL-3.0-or-later
# A terminal, and somebody who answers what is asked on it: terminal.py ANSWER... -- COMMAND...; prints all, and the number of questions.
import os, pty, sys
split = sys.argv.index('--')
answers, command = sys.argv[1:split], sys.argv[split + 1:]
pid, fd = pty.fork()
if pid == 0:
    os.execvp(command[0], command)
text, asked = b'', 0
while True:
    try:
        data = os.read(fd, 4096)
    except OSError:
        break
    if not data:
        break
    text += data
    last = text.rsplit(b'\n', 1)[-1]
    if b'? [' in last and last.endswith(b'] '):
        os.write(fd, (answers[asked] if asked < len(answers) else '').encode() + b'\n')
        asked += 1
sys.stdout.write(text.decode().replace('\r\n', '\n'))
print('questions:', asked)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
