import { Secret } from './secret.ts'
import type { SecretSource } from './secrets.ts'

/** What the variables that hold secrets begin with. */
export const secretPrefix = 'KNOMLY_SECRET_'

/**
 * Secrets in variables: `KNOMLY_SECRET_<TENANT>__<NAME>`, the name in capitals with `_` for `-`. Where there is one tenant alone,
 * `KNOMLY_SECRET_<NAME>` is its own as well. `values` are those variables without the prefix.
 */
export function createEnvSource(values: ReadonlyMap<string, Secret<string>>, tenants: readonly string[]): SecretSource {
  const only = tenants.length === 1 ? tenants[0] : undefined
  return {
    async read(tenant, name) {
      const variable = name.toUpperCase().replaceAll('-', '_')
      const value = values.get(`${tenant}__${variable}`) ?? (tenant === only ? values.get(variable) : undefined)
      return value === undefined ? null : { value }
    },
    known: () => [...values.values()]
  }
}

/** The variables with secrets among those of an environment. */
export function secretsIn(env: Readonly<Record<string, string | undefined>>): ReadonlyMap<string, Secret<string>> {
  const found = Object.entries(env).flatMap(([name, value]) =>
    name.startsWith(secretPrefix) && value !== undefined && value !== ''
      ? [[name.slice(secretPrefix.length), new Secret(value)] as const]
      : []
  )
  return new Map(found)
}
