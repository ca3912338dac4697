import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '../config.ts'
import { systemClock } from '../frames/clock.ts'
import { systemEntropy } from '../frames/entropy.ts'
import { startError } from '../start-error.ts'
import { absenceOf } from '../store-absence.ts'
import type { Finding } from './finding.ts'
import { checkFolder } from './folder.ts'

/** Looks into the store: a database is opened beside the servers that use it, a folder only where no server holds it. */
export async function checkStore(config: Config, serverIsUp: boolean): Promise<Finding[]> {
  if (config.databaseUri !== undefined) return inspectStore(config)
  const folder = checkFolder(config.dataDir)
  if (folder.level === 'wrong') return [folder]
  if (serverIsUp) return [folder, { level: 'ok', name, detail: 'The running server holds it: see "server".' }]
  const isNew = !existsSync(join(config.dataDir, 'knomly.sqlite'))
  if (isNew) return [folder, { level: 'ok', name, detail: 'There is none yet: the first start makes it.' }]
  return [folder, ...(await inspectStore(config))]
}

const name = 'store'

async function inspectStore(config: Config): Promise<Finding[]> {
  try {
    // The whole system takes a second to load, and is needed only here.
    const { openSystem } = await import('../system.ts')
    const system = await openSystem(config, { clock: systemClock, entropy: systemEntropy, observe: () => undefined })
    const facts = await system.store.inspect().finally(() => system.close())
    return facts.map(({ name, ok, detail }) => ({ level: ok ? 'ok' : 'wrong', name, detail }))
  } catch (error) {
    const absence = config.databaseUri === undefined ? null : absenceOf(error)
    if (absence === null) return [{ level: 'wrong', name, detail: startError(error) }]
    const detail = `The database of MONGODB_URI does not answer (${absence}).`
    const remedy =
      'Start it, or correct the hosts and options; a firewall or a TLS certificate may be in the way as well.'
    return [{ level: 'wrong', name, detail, remedy }]
  }
}
