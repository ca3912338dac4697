// A server of the tests on standard input and output. It does what the file that it is started with says.
import { writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { behaviourIn, replyTo } from './answering.ts'

const file = process.argv[2] ?? ''
writeFileSync(`${file}.env`, JSON.stringify(process.env))
process.stderr.write('noise of a server\n'.repeat(100))
process.on('SIGUSR2', () => say({ jsonrpc: '2.0', method: 'notifications/tools/list_changed' }))
writeFileSync(`${file}.pid`, String(process.pid))

for await (const line of createInterface({ input: process.stdin })) {
  const reply = replyTo(JSON.parse(line), behaviourIn(file))
  if (reply === 'die') process.exit(1)
  if (reply === 'garbage') process.stdout.write('{"jsonrpc":"2.0","id":\nthis is no JSON\n')
  if (reply === 'huge') process.stdout.write(`${'x'.repeat(3_000_000)}\n`)
  if (reply === 'ask-back') say({ jsonrpc: '2.0', id: 'mine', method: 'sampling/createMessage', params: {} })
  if (typeof reply === 'object' && reply !== null) say(reply)
}

function say(message: unknown): void {
  process.stdout.write(`${JSON.stringify(message)}\n`)
}
