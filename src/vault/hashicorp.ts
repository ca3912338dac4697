import { Agent } from 'undici'
import { z } from 'zod'
import { exchange, textOf } from '../frames/exchange.ts'
import { readKept } from './kept-secret.ts'
import type { Secret } from './secret.ts'
import type { SecretSource } from './secrets.ts'

/** Where HashiCorp Vault is: `address` is its origin; the secrets are below `mount`/data/`prefix`. */
export interface HashicorpSettings {
  readonly address: string
  readonly token: Secret<string>
  readonly mount: string
  readonly prefix: string
}

const maxAnswerBytes = 256 * 1024
const answerSchema = z.object({ data: z.object({ data: z.record(z.string(), z.json()) }) })

/**
 * Secrets of Vault's KV engine, version 2 (developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2): one a path,
 * `mount/prefix/<tenant>/<name>`, with the fields `value` and, where it is for some tools only, `tools`. No redirect is followed.
 */
export function createHashicorpSource({ address, token, mount, prefix }: HashicorpSettings): SecretSource {
  const agent = new Agent({ connect: { timeout: 5_000 } })
  return {
    async read(tenant, name, signal) {
      const path = [mount, 'data', ...prefix.split('/'), tenant, name].map(encodeURIComponent).join('/')
      const headers = { accept: 'application/json', 'x-vault-request': 'true', 'x-vault-token': token.reveal() }
      const asked = { origin: address, path: `/v1/${path}`, method: 'GET', headers } as const
      const said = await exchange(agent, asked, { maxBytes: maxAnswerBytes, signal })
      if (said.status === 404) return null
      if (said.status !== 200) throw new Error(`Vault answered ${said.status}`)
      const answer = answerSchema.safeParse(parsed(textOf(said)))
      if (!answer.success) throw new Error('Vault gave an answer that makes no sense')
      return readKept(answer.data.data.data)
    }
  }
}

/** A message of the parser would quote what it could not read. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
