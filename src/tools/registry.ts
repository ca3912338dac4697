import type { Tool } from './tool.ts'

/** The tools there are, by name, and as a model is offered them. */
export interface Registry {
  readonly names: readonly string[]
  get(name: string): Tool | undefined
  /** Names, descriptions and inputs as JSON Schema: the given tools in their order, then the remote ones as they are now. */
  offers(): Pick<Tool, 'name' | 'description' | 'parameters'>[]
  /** Whether every tool that is offered now is vouched for. */
  isVouchedFor(): boolean
}

/** Tools that come and go. `get` also finds one that is not to be called any more, of class K. */
export interface LiveTools {
  get(name: string): Tool | undefined
  list(): readonly Tool[]
}

const noOthers: LiveTools = { get: () => undefined, list: () => [] }

/** Gathers tools under their names, before those that come and go. Throws a TypeError for a name given twice. */
export function createRegistry(tools: readonly Tool[], live: LiveTools = noOthers): Registry {
  const byName = new Map<string, Tool>()
  for (const tool of tools) {
    if (byName.has(tool.name)) throw new TypeError(`there are two tools named ${tool.name}`)
    byName.set(tool.name, tool)
  }
  const all = () => [...tools, ...live.list().filter(({ name }) => !byName.has(name))]
  return {
    get names() {
      return all().map(({ name }) => name)
    },
    get: name => byName.get(name) ?? live.get(name),
    offers: () => all().map(({ name, description, parameters }) => ({ name, description, parameters })),
    isVouchedFor: () => all().every(tool => tool.isVouchedFor)
  }
}
