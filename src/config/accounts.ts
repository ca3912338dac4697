import { z } from 'zod'
import type { TwilioAccount } from '../channels/twilio-account.ts'
import { isAddress, isPerson, isSharedKey } from './checks.ts'
import { readJsonFile } from './json-file.ts'
import type { ProviderSettings } from './providers.ts'
import { type Settings, variables } from './variables.ts'
import type { Warning } from './warnings.ts'

type Env = Readonly<Record<string, string | undefined>>

const variable = z.string().regex(/^[A-Z][A-Z0-9_]*$/, 'must be the name of an environment variable')
const everybodyOr = 'must be "*" or a list of addresses such as whatsapp:+15551234567'
const account = z.strictObject({
  sid: z.string().regex(/^AC[0-9a-fA-F]{32}$/, 'must be AC and 32 hex digits'),
  authTokenVariable: variable,
  authTokenNextVariable: variable.optional(),
  apiKeySid: z
    .string()
    .regex(/^SK[0-9a-fA-F]{32}$/, 'must be SK and 32 hex digits')
    .optional(),
  apiKeySecretVariable: variable.optional(),
  sharedKeysVariable: variable.optional(),
  senders: z.array(z.string().refine(isAddress, 'must be an address such as whatsapp:+14155238886')).min(1),
  allowedSenders: z.union(
    [z.literal('*'), z.array(z.string().refine(isPerson, everybodyOr)).min(1, everybodyOr)],
    everybodyOr
  ),
  deleteAtTwilio: z.boolean().default(false)
})
const fileSchema = z.strictObject({ accounts: z.array(account).min(1) })
type Entry = z.infer<typeof account>

/**
 * The accounts: that of the variables, then those of TWILIO_ACCOUNTS_FILE, each a tenant of its own. Secrets of the file are read from
 * `env` by the names it gives. What is wrong goes to `problems` as sentences, what is odd to `warnings` as codes.
 */
export function readAccounts(
  settings: Settings,
  env: Env,
  problems: string[],
  warnings: Warning[]
): [TwilioAccount, ...TwilioAccount[]] {
  const path = settings.TWILIO_ACCOUNTS_FILE
  const about = { name: 'TWILIO_ACCOUNTS_FILE', schema: fileSchema }
  const file = path === undefined ? null : readJsonFile({ ...about, path }, problems, issues => issues.map(problemOf))
  const entries = file?.accounts ?? []
  const accounts: [TwilioAccount, ...TwilioAccount[]] = [
    ofVariables(settings, problems),
    ...entries.map((entry, i) => ofFile(entry, `accounts.${i}`, env, problems))
  ]
  mustBeDistinct(accounts, problems)
  if (accounts.some(({ sid, rest }) => rest.user === sid)) warnings.push('rest-with-auth-token')
  if (accounts.some(({ allowed }) => allowed === '*')) warnings.push('everybody-allowed')
  return accounts
}

function ofVariables(settings: Settings, problems: string[]): TwilioAccount {
  const { TWILIO_ACCOUNT_SID: sid, TWILIO_AUTH_TOKEN: token, TWILIO_AUTH_TOKEN_NEXT: next } = settings
  const { TWILIO_API_KEY_SID: user, TWILIO_API_KEY_SECRET: password } = settings
  if (user !== undefined && password === undefined) problems.push(incompleteKey('SECRET', 'SID'))
  if (user === undefined && password !== undefined) problems.push(incompleteKey('SID', 'SECRET'))
  const everybody = settings.ALLOWED_SENDERS.includes('*')
  return {
    sid,
    authTokens: tokensOf(token, next),
    sharedKeys: new Map((settings.TWILIO_SHARED_KEYS ?? []).map(splitPair)),
    rest: user !== undefined && password !== undefined ? { user, password } : { user: sid, password: token },
    senders: settings.TWILIO_SENDERS,
    allowed: everybody ? '*' : new Set(settings.ALLOWED_SENDERS),
    deletesMedia: settings.DELETE_AT_TWILIO === 'yes'
  }
}

function ofFile(entry: Entry, place: string, env: Env, problems: string[]): TwilioAccount {
  const { sid, apiKeySid, apiKeySecretVariable, senders, allowedSenders } = entry
  const secret = (key: SecretKey) => secretOf(entry, key, place, env, problems)
  if ((apiKeySid === undefined) !== (apiKeySecretVariable === undefined)) {
    problems.push(`${at(place)} has half an API key: give both apiKeySid and apiKeySecretVariable, or neither.`)
  }
  const token = secret('authTokenVariable') ?? ''
  const password = secret('apiKeySecretVariable')
  const shared = secret('sharedKeysVariable')
  return {
    sid,
    authTokens: tokensOf(token, secret('authTokenNextVariable')),
    sharedKeys: new Map(shared === undefined ? [] : pairsOf(shared).map(splitPair)),
    rest:
      apiKeySid !== undefined && password !== undefined
        ? { user: apiKeySid, password }
        : { user: sid, password: token },
    senders,
    allowed: allowedSenders === '*' ? '*' : new Set(allowedSenders),
    deletesMedia: entry.deleteAtTwilio
  }
}

type SecretKey = 'authTokenVariable' | 'authTokenNextVariable' | 'apiKeySecretVariable' | 'sharedKeysVariable'
const ours: ReadonlySet<string> = new Set(variables.map(({ name }) => name))

/** The value of a variable that an entry names: one of its own, so that no secret of another use goes to Twilio. */
function secretOf(entry: Entry, key: SecretKey, place: string, env: Env, problems: string[]): string | undefined {
  const name = entry[key]
  if (name === undefined) return undefined
  const value = env[name]
  if (ours.has(name)) {
    problems.push(`${at(`${place}.${key}`)} names ${name}, which has another use: take a variable of its own.`)
    return undefined
  }
  const [what, isWhole] = key === 'sharedKeysVariable' ? sharedKeys : token
  if (value !== undefined && isWhole(value)) return value
  problems.push(`${name} is missing or not valid: set it to ${what} (${at(`${place}.${key}`)} names it).`)
  return undefined
}

type Check = readonly [what: string, isWhole: (value: string) => boolean]
const token: Check = ['the secret as the Twilio console shows it', value => /^[!-~]{16,}$/.test(value)]
const sharedKeys: Check = ['id=secret pairs', value => pairsOf(value).every(isSharedKey)]

const pairsOf = (value: string) => value.split(',').map(pair => pair.trim())

/** A token that two accounts share would let one sign for the other, and a sender that two share would belong to nobody. */
function mustBeDistinct(accounts: readonly TwilioAccount[], problems: string[]): void {
  const checks: [string, (account: TwilioAccount) => readonly string[]][] = [
    ['the same SID', ({ sid }) => [sid.toLowerCase()]],
    ['a sender in common', ({ senders }) => [...new Set(senders)]],
    ['an auth token in common', ({ authTokens }) => authTokens],
    ['a shared key in common', ({ sharedKeys }) => [...new Set(sharedKeys.values())]]
  ]
  for (const [what, valuesOf] of checks) {
    const values = accounts.flatMap(valuesOf).filter(value => value !== '')
    if (new Set(values).size < values.length) {
      problems.push(`TWILIO_ACCOUNTS_FILE has accounts with ${what} (or with that of TWILIO_…): give each its own.`)
    }
  }
}

/** No secret of an account goes to a provider, whatever the files name. */
export function mustKeepApart(
  accounts: readonly TwilioAccount[],
  providers: readonly Pick<ProviderSettings, 'apiKey'>[],
  problems: string[]
): void {
  const secrets = accounts.flatMap(({ authTokens, sharedKeys, rest }) => [
    ...[...authTokens, ...sharedKeys.values()],
    rest.password
  ])
  if (providers.some(({ apiKey }) => apiKey !== undefined && secrets.includes(apiKey))) {
    problems.push('A key of a provider is also a secret of a Twilio account: give the provider its own.')
  }
}

/** A sentence that names the place and never a value: somebody may have put a secret there. */
function problemOf(issue: z.core.$ZodIssue): string {
  const place = issue.path.join('.')
  if (issue.code === 'unrecognized_keys') {
    return `${at(place)} has a key that is not known: compare it with the README; secrets stand in variables, never in the file.`
  }
  const said = issue.message.startsWith('must be ') ? issue.message : 'is missing or does not fit'
  return `${at(place)} ${said}: compare it with the README.`
}

function at(place: string): string {
  return place === '' ? 'TWILIO_ACCOUNTS_FILE' : `TWILIO_ACCOUNTS_FILE at ${place}`
}

function tokensOf(token: string, next: string | undefined): string[] {
  return [...new Set([token, next].filter(each => each !== undefined))]
}

function incompleteKey(missing: string, other: string): string {
  return `TWILIO_API_KEY_${missing} is missing: set it too, or remove TWILIO_API_KEY_${other}.`
}

function splitPair(pair: string): [string, string] {
  const at = pair.indexOf('=')
  return [pair.slice(0, at), pair.slice(at + 1)]
}
