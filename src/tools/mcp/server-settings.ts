import type { ToolClass } from '../../frames/kinds.ts'

/** A value of the operator's file: as it stands there, or a secret by its name. */
export type GivenValue = string | { readonly secret: string }

/** How far the operator trusts a tool. With `hash` (SHA-256, hex) only the tool of that hash is meant. */
export interface ToolTrust {
  readonly class: ToolClass
  readonly hash?: string | undefined
}

/** An MCP server as the operator's file names it: a program that is started, or a URL. */
export interface ServerSettings {
  readonly name: string
  readonly reached:
    | {
        readonly by: 'stdio'
        readonly command: string
        readonly args: readonly string[]
        readonly env: Readonly<Record<string, GivenValue>>
      }
    | { readonly by: 'http'; readonly url: string; readonly headers: Readonly<Record<string, GivenValue>> }
  /** By the names that the server gives. What is not in it is destructive and goes out. */
  readonly tools: ReadonlyMap<string, ToolTrust>
}

/** The values that a server is given with its connection. */
export function valuesOf({ reached }: ServerSettings): Readonly<Record<string, GivenValue>> {
  return reached.by === 'stdio' ? reached.env : reached.headers
}

/** The names of the secrets that a server is given, each once. */
export function secretNames(server: ServerSettings): string[] {
  return [...new Set(Object.values(valuesOf(server)).flatMap(value => (typeof value === 'string' ? [] : value.secret)))]
}
