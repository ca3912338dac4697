import { readKept } from './kept-secret.ts'
import { Secret } from './secret.ts'
import type { KeptSecret, SecretSource } from './secrets.ts'

/** Which AWS Secrets Manager; without a key of its own the SDK finds its credentials itself (role, profile). */
export interface AwsSettings {
  readonly region: string
  readonly endpoint: string | undefined
  readonly key:
    | { readonly id: string; readonly secret: Secret<string>; readonly session: Secret<string> | undefined }
    | undefined
  readonly prefix: string
}

/**
 * Secrets of AWS Secrets Manager, named `prefix/<tenant>/<name>`: the text itself, or JSON with `value` and `tools`. Rejects with an
 * Error that says what to install where the SDK is not there.
 */
export async function openAwsSource(settings: AwsSettings, load = loadSdk): Promise<SecretSource> {
  const { SecretsManagerClient, GetSecretValueCommand } = await load().catch(() => {
    throw new Error(
      'SECRETS=aws needs a package that is not installed: run "npm install @aws-sdk/client-secrets-manager" and start again.'
    )
  })
  const { region, endpoint, key, prefix } = settings
  const client = new SecretsManagerClient({
    region,
    maxAttempts: 2,
    ...(endpoint !== undefined && { endpoint }),
    ...(key !== undefined && { credentials: credentialsOf(key) })
  })
  return {
    async read(tenant, name, abortSignal) {
      const command = new GetSecretValueCommand({ SecretId: `${prefix}/${tenant}/${name}` })
      try {
        const { SecretString: text } = await client.send(command, { abortSignal })
        if (text === undefined || text === '') throw new Error('the secret has no text')
        return fromText(text)
      } catch (error) {
        if (error instanceof Error && error.name === 'ResourceNotFoundException') return null
        throw new Error('AWS Secrets Manager gave no secret')
      }
    }
  }
}

const loadSdk = () => import('@aws-sdk/client-secrets-manager')

function credentialsOf({ id, secret, session }: NonNullable<AwsSettings['key']>) {
  const own = { accessKeyId: id, secretAccessKey: secret.reveal() }
  return session === undefined ? own : { ...own, sessionToken: session.reveal() }
}

/** What is no JSON object is the secret itself. */
function fromText(text: string): KeptSecret {
  try {
    const told: unknown = JSON.parse(text)
    if (typeof told === 'object' && told !== null && !Array.isArray(told)) return readKept(told)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
  }
  return { value: new Secret(text) }
}
