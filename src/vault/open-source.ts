import { type AwsSettings, openAwsSource } from './aws.ts'
import { createEnvSource } from './env.ts'
import { openFileSource } from './file.ts'
import { createHashicorpSource, type HashicorpSettings } from './hashicorp.ts'
import type { Secret } from './secret.ts'
import type { SecretSource } from './secrets.ts'

/** Which source of secrets, with all it needs. */
export type SourceSettings =
  | { readonly kind: 'env'; readonly values: ReadonlyMap<string, Secret<string>> }
  | { readonly kind: 'file'; readonly path: string }
  | ({ readonly kind: 'vault' } & HashicorpSettings)
  | ({ readonly kind: 'aws' } & AwsSettings)

/** Opens the source of tools' secrets for the tenants of this server. Throws an Error that says what to do. */
export async function openSource(settings: SourceSettings, tenants: readonly string[]): Promise<SecretSource> {
  switch (settings.kind) {
    case 'env':
      return createEnvSource(settings.values, tenants)
    case 'file':
      return openFileSource(settings.path)
    case 'vault':
      return createHashicorpSource(settings)
    case 'aws':
      return openAwsSource(settings)
  }
}
