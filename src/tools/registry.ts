import type { Tool } from './tool.ts'

/** The tools there are, by name, and as a model is offered them. */
export interface Registry {
  readonly names: readonly string[]
  get(name: string): Tool | undefined
  /** Names, descriptions and inputs as JSON Schema, in the order the tools were given. */
  offers(): Pick<Tool, 'name' | 'description' | 'parameters'>[]
}

/** Gathers tools under their names. Throws a TypeError for a name given twice. */
export function createRegistry(tools: readonly Tool[]): Registry {
  const byName = new Map<string, Tool>()
  for (const tool of tools) {
    if (byName.has(tool.name)) throw new TypeError(`there are two tools named ${tool.name}`)
    byName.set(tool.name, tool)
  }
  return {
    names: [...byName.keys()],
    get: name => byName.get(name),
    offers: () => tools.map(({ name, description, parameters }) => ({ name, description, parameters }))
  }
}
