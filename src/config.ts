import { join, resolve } from 'node:path'
import type { TwilioAccount } from './channels/twilio-account.ts'
import { readDatabase } from './config/database.ts'
import { type Providers, readProviders } from './config/providers.ts'
import { type Settings, schema } from './config/variables.ts'
import type { Warning } from './config/warnings.ts'

/** The whole configuration, checked and in the units the rooms use. */
export interface Config {
  readonly host: string
  readonly port: number
  /** The origin that Twilio calls; the only base for signature checks. */
  readonly publicUrl: string
  readonly account: TwilioAccount
  readonly twilioApiUrl: string
  readonly speech: 'openai' | 'local'
  readonly providers: Providers
  /** Undefined for the embedded store. */
  readonly databaseUri: string | undefined
  readonly dataDir: string
  /** Where signed heads of the audit are appended. */
  readonly auditHeadsFile: string
  readonly masterKey: Buffer | undefined
  readonly operatorToken: string | undefined
  readonly leaseMs: number
  readonly maxToolCalls: number
  readonly maxAudioSeconds: number
  readonly timeZone: string
  readonly workerConcurrency: number
  /** Messages a minute; 0 is off. */
  readonly rateLimitPerSender: number
  /** Refused requests a minute; 0 is off. */
  readonly rateLimitPerIp: number
  readonly trustProxy: readonly string[]
  /** Hosts that a reply may link to whatever it was made of, in small letters. */
  readonly linkHosts: ReadonlySet<string>
  readonly retention: { readonly audioMs: number; readonly contentMs: number; readonly auditMs: number }
  readonly logLevel: Settings['LOG_LEVEL']
  /** What is allowed and yet worth a look. */
  readonly warnings: readonly Warning[]
}

/** A configuration that the server does not start with. The message has one sentence a problem and never a value. */
export class ConfigError extends Error {
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.name = 'ConfigError'
    this.problems = problems
  }
}

const minute = 60_000
const hour = 60 * minute

/** Reads the environment; an empty variable counts as unset. Throws a ConfigError with everything that is wrong at once. */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''))
  const parsed = schema.safeParse(set)
  const problems = [
    ...notYet(set),
    ...(parsed.error?.issues ?? []).map(({ path, message }) => `${String(path[0])} ${message}.`)
  ]
  if (!parsed.success) throw new ConfigError(problems)

  const settings = parsed.data
  const warnings: Warning[] = idle.some(name => set[name] !== undefined) ? ['setting-without-use'] : []
  const account = readAccount(settings, problems, warnings)
  const providers = readProviders(settings, set, problems, warnings)
  const databaseUri = readDatabase(settings, set.NODE_ENV === 'production', problems, warnings)
  if (problems.length > 0) throw new ConfigError(problems)
  return {
    host: settings.HOST,
    port: settings.PORT,
    publicUrl: settings.PUBLIC_URL,
    account,
    twilioApiUrl: settings.TWILIO_API_URL,
    speech: settings.SPEECH,
    providers,
    databaseUri,
    dataDir: resolve(settings.DATA_DIR),
    auditHeadsFile: headsFileOf(settings),
    masterKey: settings.MASTER_KEY,
    operatorToken: settings.OPERATOR_TOKEN,
    leaseMs: settings.LEASE_SECONDS * 1_000,
    maxToolCalls: settings.MAX_TOOL_CALLS,
    maxAudioSeconds: settings.MAX_AUDIO_SECONDS,
    timeZone: settings.TIME_ZONE,
    workerConcurrency: settings.WORKER_CONCURRENCY,
    rateLimitPerSender: settings.RATE_LIMIT_PER_SENDER,
    rateLimitPerIp: settings.RATE_LIMIT_PER_IP,
    trustProxy: settings.TRUST_PROXY ?? [],
    linkHosts: new Set(settings.ALLOWED_LINK_HOSTS ?? []),
    retention: {
      audioMs: settings.RETENTION_AUDIO_HOURS * hour,
      contentMs: settings.RETENTION_CONTENT_DAYS * 24 * hour,
      auditMs: settings.RETENTION_AUDIT_DAYS * 24 * hour
    },
    logLevel: settings.LOG_LEVEL,
    warnings
  }
}

function readAccount(settings: Settings, problems: string[], warnings: Warning[]): TwilioAccount {
  const { TWILIO_API_KEY_SID: user, TWILIO_API_KEY_SECRET: password } = settings
  if (user !== undefined && password === undefined) problems.push(incompleteKey('SECRET', 'SID'))
  if (user === undefined && password !== undefined) problems.push(incompleteKey('SID', 'SECRET'))
  const hasKey = user !== undefined && password !== undefined
  if (!hasKey) warnings.push('rest-with-auth-token')
  const everybody = settings.ALLOWED_SENDERS.includes('*')
  if (everybody) warnings.push('everybody-allowed')
  const tokens = [settings.TWILIO_AUTH_TOKEN, settings.TWILIO_AUTH_TOKEN_NEXT].filter(token => token !== undefined)
  return {
    sid: settings.TWILIO_ACCOUNT_SID,
    authTokens: [...new Set(tokens)],
    sharedKeys: new Map((settings.TWILIO_SHARED_KEYS ?? []).map(splitPair)),
    rest: hasKey ? { user, password } : { user: settings.TWILIO_ACCOUNT_SID, password: settings.TWILIO_AUTH_TOKEN },
    senders: settings.TWILIO_SENDERS,
    allowed: everybody ? '*' : new Set(settings.ALLOWED_SENDERS)
  }
}

/** Where signed heads of the audit are appended where nothing else is said: beside the embedded store. */
export function headsFileOf({
  AUDIT_HEADS_FILE: file,
  DATA_DIR: dir
}: Pick<Settings, 'AUDIT_HEADS_FILE' | 'DATA_DIR'>): string {
  return file === undefined ? join(resolve(dir), 'audit-heads.jsonl') : resolve(file)
}

function incompleteKey(missing: string, other: string): string {
  return `TWILIO_API_KEY_${missing} is missing: set it too, or remove TWILIO_API_KEY_${other}.`
}

function splitPair(pair: string): [string, string] {
  const at = pair.indexOf('=')
  return [pair.slice(0, at), pair.slice(at + 1)]
}

// Variables of the interface that this version cannot honour: a setting that is silently ignored is a promise broken.
const unsupported: Readonly<Record<string, { because: string; harmless?: string }>> = {
  MASTER_KEY_NEXT: { because: 'cannot change the master key' },
  TOOLS_FILE: { because: 'has only the built-in tools' },
  TWILIO_ACCOUNTS_FILE: { because: 'serves one account' },
  BUDGETS_FILE: { because: 'has no budgets' },
  DELETE_AT_TWILIO: { because: 'deletes nothing at Twilio', harmless: 'no' },
  SECRETS: { because: 'has no tools with secrets', harmless: 'env' }
}

// These promise nothing as long as nothing is there for them to act on: they are told and passed over.
const idle = ['SPEECH_MODEL']

function notYet(env: NodeJS.ProcessEnv): string[] {
  return Object.entries(unsupported)
    .filter(([name, { harmless }]) => env[name] !== undefined && env[name] !== harmless)
    .map(([name, { because }]) => `${name} is set, but this version ${because}: remove it.`)
}
