import { resolve } from 'node:path'
import { secretsIn } from '../vault/env.ts'
import type { SourceSettings } from '../vault/open-source.ts'
import { Secret } from '../vault/secret.ts'
import type { Settings } from './variables.ts'

type Env = Readonly<Record<string, string | undefined>>

/** Where tools' secrets come from, by SECRETS and what belongs to it. What is missing goes to `problems` as sentences. */
export function readSecrets(settings: Settings, env: Env, problems: string[]): SourceSettings {
  const { kind, where } = settings.SECRETS
  if (kind === 'vault') return readVault(settings, where, problems)
  if (kind === 'aws') return readAws(settings, where, problems)
  return kind === 'file' ? { kind, path: resolve(where) } : { kind, values: secretsIn(env) }
}

function readVault(settings: Settings, where: string, problems: string[]): SourceSettings {
  const { VAULT_ADDR: address, VAULT_TOKEN: token } = settings
  if (address === undefined) problems.push(missing('VAULT_ADDR', 'the https origin of HashiCorp Vault', 'vault'))
  if (token === undefined) problems.push(missing('VAULT_TOKEN', 'a token that may read those secrets', 'vault'))
  const [mount = '', ...prefix] = where.split('/')
  return { kind: 'vault', address: address ?? '', token: new Secret(token ?? ''), mount, prefix: prefix.join('/') }
}

function readAws(settings: Settings, prefix: string, problems: string[]): SourceSettings {
  const { AWS_REGION: region, AWS_ENDPOINT_URL: endpoint, AWS_ACCESS_KEY_ID: id } = settings
  const { AWS_SECRET_ACCESS_KEY: secret, AWS_SESSION_TOKEN: session } = settings
  if (region === undefined) problems.push(missing('AWS_REGION', 'the region of the secrets', 'aws'))
  if ((id === undefined) !== (secret === undefined)) {
    problems.push('AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY belong together: set both, or neither to use a role.')
  }
  const own = id === undefined || secret === undefined ? undefined : { id, secret: new Secret(secret) }
  const key = own && { ...own, session: session === undefined ? undefined : new Secret(session) }
  return { kind: 'aws', region: region ?? '', endpoint, key, prefix }
}

function missing(name: string, what: string, source: string): string {
  return `${name} is missing: set it to ${what}, or set SECRETS to something else than ${source}.`
}
