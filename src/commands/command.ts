import type { Config } from '../config.ts'
import type { Screen } from '../screen.ts'

/** What a command is given. */
export interface CommandContext {
  readonly env: NodeJS.ProcessEnv
  readonly screen: Screen
}

/** A command of `knomly`: it answers the exit code, and rejects with an Error that says what to do. */
export type Command = (args: string[], context: CommandContext) => Promise<number>

/** The origin to talk to: what `--to` names, else where the configuration makes a server on this machine listen. */
export function originOf({ host, port }: Pick<Config, 'host' | 'port'>, to: string | undefined): string {
  if (to !== undefined) return namedOrigin(to)
  if (port === 0) throw new Error('PORT is 0, so nobody knows where the server listens: name its address with --to.')
  if (['0.0.0.0', '::', '[::]'].includes(host)) return `http://127.0.0.1:${port}`
  return `http://${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}:${port}`
}

/** The configuration as a command speaks for an account: the one that `--account` names by its SID, else that of the variables. */
export function speakingFor(config: Config, sid: string | undefined): Config {
  if (sid === undefined) return config
  const account = config.accounts.find(each => each.sid === sid)
  if (account !== undefined) return { ...config, account }
  throw new Error(
    '--account takes the SID of a configured account: TWILIO_ACCOUNT_SID, or one of TWILIO_ACCOUNTS_FILE.'
  )
}

/** The operator's token, which reading needs. */
export function tokenOf({ operatorToken }: Pick<Config, 'operatorToken'>): string {
  if (operatorToken !== undefined) return operatorToken
  throw new Error(
    'OPERATOR_TOKEN is missing, and the frames are read with it: set it (openssl rand -hex 32) and restart the server.'
  )
}

/** The one argument that a command takes. */
export function onlyArgument(positionals: readonly string[], what: string): string {
  const [argument, ...rest] = positionals
  if (argument === undefined || argument === '') throw new Error(`${what} is missing: see "knomly help".`)
  if (rest.length > 0) throw new Error(`Only one argument is taken: put ${what.toLowerCase()} in quotes.`)
  return argument
}

function namedOrigin(to: string): string {
  const origin = URL.canParse(to) ? new URL(to).origin : ''
  if (/^http:\/\//.test(origin) && (to === origin || to === `${origin}/`)) return origin
  throw new Error('--to takes the http origin of the server itself, such as http://127.0.0.1:3000.')
}
