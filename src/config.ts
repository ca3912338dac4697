import { join, resolve } from 'node:path'
import type { TwilioAccount } from './channels/twilio-account.ts'
import { mustKeepApart, readAccounts } from './config/accounts.ts'
import { readBudgets } from './config/budgets.ts'
import { readDatabase } from './config/database.ts'
import { type Providers, readProviders } from './config/providers.ts'
import { readSecrets } from './config/secrets.ts'
import { readTools } from './config/tools.ts'
import { type Settings, schema } from './config/variables.ts'
import type { Warning } from './config/warnings.ts'
import type { BudgetsOf } from './policy/budgets.ts'
import type { ServerSettings } from './tools/mcp/server-settings.ts'
import type { SourceSettings } from './vault/open-source.ts'

/** The whole configuration, checked and in the units the rooms use. */
export interface Config {
  readonly host: string
  readonly port: number
  /** The origin that Twilio calls; the only base for signature checks. */
  readonly publicUrl: string
  /** The account of the variables: the one that commands speak for unless another is named. */
  readonly account: TwilioAccount
  /** Every account, that one first: each is a tenant. */
  readonly accounts: readonly TwilioAccount[]
  readonly twilioApiUrl: string
  readonly speech: 'openai' | 'local'
  readonly providers: Providers
  /** MCP servers, in the order of TOOLS_FILE. */
  readonly toolServers: readonly ServerSettings[]
  /** Undefined for the embedded store. */
  readonly databaseUri: string | undefined
  readonly dataDir: string
  /** Where signed heads of the audit are appended. */
  readonly auditHeadsFile: string
  readonly masterKey: Buffer | undefined
  /** The one that follows while the master key is changed: it opens too. */
  readonly masterKeyNext: Buffer | undefined
  readonly operatorToken: string | undefined
  /** Where tools' secrets come from. */
  readonly secrets: SourceSettings
  readonly leaseMs: number
  readonly maxToolCalls: number
  readonly maxAudioSeconds: number
  readonly timeZone: string
  readonly workerConcurrency: number
  readonly budgetsOf: BudgetsOf
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
  const problems = (parsed.error?.issues ?? []).map(({ path, message }) => `${String(path[0])} ${message}.`)
  if (!parsed.success) throw new ConfigError(problems)

  const settings = parsed.data
  const warnings: Warning[] = idle.some(name => set[name] !== undefined) ? ['setting-without-use'] : []
  const accounts = readAccounts(settings, set, problems, warnings)
  const providers = readProviders(settings, set, problems, warnings)
  const toolServers = readTools(settings.TOOLS_FILE, problems)
  const budgetsOf = readBudgets(
    settings,
    accounts.map(({ sid }) => sid),
    problems
  )
  mustKeepApart(accounts, [...providers.transcribe, ...providers.respond], problems)
  const databaseUri = readDatabase(settings, set.NODE_ENV === 'production', problems, warnings)
  const secrets = readSecrets(settings, set, problems)
  if (problems.length > 0) throw new ConfigError(problems)
  return {
    host: settings.HOST,
    port: settings.PORT,
    publicUrl: settings.PUBLIC_URL,
    account: accounts[0],
    accounts,
    twilioApiUrl: settings.TWILIO_API_URL,
    speech: settings.SPEECH,
    providers,
    toolServers,
    databaseUri,
    dataDir: resolve(settings.DATA_DIR),
    auditHeadsFile: headsFileOf(settings),
    masterKey: settings.MASTER_KEY,
    masterKeyNext: settings.MASTER_KEY_NEXT,
    operatorToken: settings.OPERATOR_TOKEN,
    secrets,
    leaseMs: settings.LEASE_SECONDS * 1_000,
    maxToolCalls: settings.MAX_TOOL_CALLS,
    maxAudioSeconds: settings.MAX_AUDIO_SECONDS,
    timeZone: settings.TIME_ZONE,
    workerConcurrency: settings.WORKER_CONCURRENCY,
    budgetsOf,
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

/** Where signed heads of the audit are appended where nothing else is said: beside the embedded store. */
export function headsFileOf({
  AUDIT_HEADS_FILE: file,
  DATA_DIR: dir
}: Pick<Settings, 'AUDIT_HEADS_FILE' | 'DATA_DIR'>): string {
  return file === undefined ? join(resolve(dir), 'audit-heads.jsonl') : resolve(file)
}

// These promise nothing as long as nothing is there for them to act on: they are told and passed over.
const idle = ['SPEECH_MODEL']
