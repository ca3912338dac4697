import type { TwilioAccount } from './channels/twilio-account.ts'
import type { Config } from './config.ts'

/** What is written where a local server wants any key at all, in small letters without signs: it is in everybody's mouth, and no secret. Other words may be one. */
const placeholders: ReadonlySet<string> = new Set([
  ...['anything', 'doesnotmatter', 'lmstudio', 'noapikey', 'nokeyneeded', 'nokeyrequired', 'notneeded', 'notrequired'],
  ...['notused', 'placeholder', 'sknokeyrequired', 'unneeded', 'whatever']
])

/** The secrets of the server itself, which are in no text that leaves it; `keys` are those that were opened. */
export function ownSecrets(
  { providers, secrets, operatorToken, databaseUri }: Config,
  accounts: Iterable<TwilioAccount>,
  keys: readonly Buffer[]
): (string | Buffer)[] {
  const providerKeys = [...providers.transcribe, ...providers.respond].map(({ apiKey }) => apiKey)
  const given = [
    ...[...accounts].flatMap(({ authTokens, sharedKeys, rest }) => [
      ...authTokens,
      ...sharedKeys.values(),
      rest.password
    ]),
    operatorToken,
    ...providerKeys.filter(key => key !== undefined && !placeholders.has(key.toLowerCase().replace(/[ _-]/g, ''))),
    databaseUri === undefined ? undefined : passwordOf(databaseUri),
    ...(secrets.kind === 'vault' ? [secrets.token.reveal()] : []),
    ...(secrets.kind === 'aws' ? [secrets.key?.secret.reveal(), secrets.key?.session?.reveal()] : [])
  ]
  return [...given.filter(value => value !== undefined), ...keys.flatMap(key => [key, key.toString('base64')])]
}

/** The password of a connection string, as it stands there: it may name more hosts than a URL can. */
function passwordOf(uri: string): string | undefined {
  return /^[a-z+]+:\/\/[^/@:]*:([^/@]+)@/.exec(uri)?.[1]
}
