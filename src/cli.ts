import { pathToFileURL } from 'node:url'
import type { Command } from './commands/command.ts'
import { ConfigError } from './config.ts'
import { createScreen } from './screen.ts'

const usage = `\
Usage: npx knomly <command>     (the configuration is that of the server: .env and the environment)

  send <file.ogg|text>   signs a message, posts it to the running server, prints the frames as they come, then the answer
       --from <address>    who writes (whatsapp:+15551234567, +15551234567)
       --account <sid>     which account is written to, if not TWILIO_ACCOUNT_SID (so with curl and timeline)
       --to <origin>       where the server listens, if not on PORT (http://127.0.0.1:3000)
       --show              with the words, not only the facts
       --wait <seconds>    how long to wait for the answer (120)
  curl <text>            prints a signed curl command that posts the text          [--from <address>] [--to <origin>]
  timeline <id>          the frames of an execution or a MessageSid                [--show] [--to <origin>]
  doctor                 looks for what is wrong and says what to do               [--to <origin>]
  doctor --signature <value> --url <url> --body <file>
                         explains why an X-Twilio-Signature does not match
       --host <name>       another host that may have been called, such as X-Forwarded-Host; may be repeated
  switch                 what is switched off                                       [--to <origin>]
  switch off|on <target> the kill switch: all, model, tenant:…, principal:…, tool:…, class:… (R0 to K)
  tools                  the tools, their classes, hashes and states               [--to <origin>]
  tools show <name>      all that its server says of a tool
  tools accept <name>    takes a tool that changed as it is now
  backup <file>          copies the store to a file, and its keys to <file>.keys; servers may go on meanwhile
       --force             replaces files of these names
  restore <file>         fills an empty store, of either kind, from a backup; what was open is listed and not worked
       --resume            the source was stopped before it was backed up: what was open goes on
       --erased <file>     the ledger of erasures of the server (erased.jsonl), besides that in DATA_DIR: these stay erased
  user export <address> <file>
                         writes all that is kept of a person to a new file                [--account <SID>] [--to <origin>]
  user erase <address>   makes what a person said unreadable for good, also in backups    [--account <SID>] [--to <origin>]
  keys rotate            wraps every key by MASTER_KEY_NEXT, while servers work on        [--to <origin>]
  audit verify           recomputes blocks, records, frames and signed heads; 0: whole, 1: tampered with, 2: incomplete
       --tenant <tenant>   one chain alone
       --from <n>          from this block on
       --heads <file>      the file of heads, if not AUDIT_HEADS_FILE; may be repeated
       --key <key>         the public key that must have signed, if not that of the store
  audit verify <file>    the same for an export alone, without a store
  audit export [<file>]  blocks, records and signed heads as JSON lines, to be checked elsewhere   [--tenant <tenant>]
  help                   this text

Exit code 0: it went well; 1: it did not, and the last lines say why.
`

// Each is loaded when it is called: most need only a small part of what the whole does.
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  send: async () => (await import('./commands/send.ts')).send,
  curl: async () => (await import('./commands/curl.ts')).curl,
  timeline: async () => (await import('./commands/timeline.ts')).timeline,
  doctor: async () => (await import('./commands/doctor.ts')).doctor,
  switch: async () => (await import('./commands/switch.ts')).killSwitch,
  tools: async () => (await import('./commands/tools.ts')).tools,
  audit: async () => (await import('./commands/audit.ts')).audit,
  backup: async () => (await import('./commands/backup.ts')).backup,
  user: async () => (await import('./commands/user.ts')).user,
  keys: async () => (await import('./commands/keys.ts')).keys,
  restore: async () => (await import('./commands/restore.ts')).restore
}

/** Where a command line runs. */
export interface Terminal {
  readonly env: NodeJS.ProcessEnv
  readonly stdout: NodeJS.WritableStream
  readonly stderr: NodeJS.WritableStream
}

/** Runs a command line of `knomly` and answers its exit code. */
export async function runCommand([name = 'help', ...args]: string[], terminal: Terminal): Promise<number> {
  const { env, stdout, stderr } = terminal
  if (['help', '--help', '-h'].includes(name) || args.includes('--help')) return say(stdout, usage, 0)
  const load = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (load === undefined) return say(stderr, `There is no command "${name}".\n\n${usage}`, 1)
  try {
    const command = await load()
    return await command(args, { env, screen: createScreen(stdout) })
  } catch (error) {
    return say(stderr, `knomly ${name}: ${sentenceOf(error)}\n`, 1)
  }
}

function sentenceOf(error: unknown): string {
  if (error instanceof ConfigError) return `the configuration is not complete.\n${error.message}`
  return error instanceof Error ? error.message : String(error)
}

function say(stream: NodeJS.WritableStream, text: string, code: number): number {
  stream.write(text)
  return code
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  process.exitCode = await runCommand(process.argv.slice(2), process)
}
