import { accessSync, constants, existsSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Config } from '../config.ts'
import { systemClock } from '../frames/clock.ts'
import { systemEntropy } from '../frames/entropy.ts'
import { defaultSpeechModelDir, speechModelFiles } from '../providers/speech-model.ts'
import type { Finding } from './finding.ts'

/** Looks at the folder of the store and, where no server holds it, into the store. */
export async function checkFolder(config: Config, serverIsUp: boolean): Promise<Finding[]> {
  const folder = checkWritable(config.dataDir)
  if (folder.level === 'wrong') return [folder]
  if (serverIsUp) return [folder, { level: 'ok', name: 'store', detail: 'The running server holds it: see "server".' }]
  const isNew = !existsSync(join(config.dataDir, 'knomly.sqlite'))
  if (isNew) return [folder, { level: 'ok', name: 'store', detail: 'There is none yet: the first start makes it.' }]
  return [folder, ...(await inspectStore(config))]
}

/** Looks whether the model of `SPEECH=local` is there. */
export function checkSpeech({ speech }: Config): Finding[] {
  if (speech !== 'local') return []
  const name = 'speech model'
  const missing = Object.values(speechModelFiles).filter(file => !existsSync(join(defaultSpeechModelDir, file)))
  if (missing.length === 0) return [{ level: 'ok', name, detail: `It lies in ${defaultSpeechModelDir}.` }]
  const detail = `SPEECH is local, and ${missing.join(', ')} is missing in ${defaultSpeechModelDir}.`
  return [{ level: 'wrong', name, detail, remedy: 'Fetch it with "npm run demo", or set SPEECH=openai.' }]
}

function checkWritable(dir: string): Finding {
  const name = 'DATA_DIR'
  const remedy = 'Give the user of the server a folder of its own and set DATA_DIR to it.'
  const existing = nearestExisting(dir)
  if (!statSync(existing).isDirectory()) return { level: 'wrong', name, detail: `${existing} is not a folder.`, remedy }
  try {
    accessSync(existing, constants.W_OK | constants.X_OK)
  } catch {
    return { level: 'wrong', name, detail: `${existing} cannot be written to by this user.`, remedy }
  }
  const detail = existing === dir ? `${dir} can be written to.` : `${dir} is made at the first start.`
  return { level: 'ok', name, detail }
}

function nearestExisting(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : nearestExisting(dirname(path))
}

async function inspectStore(config: Config): Promise<Finding[]> {
  try {
    // The whole system takes a second to load, and is needed only here.
    const { openSystem } = await import('../system.ts')
    const system = await openSystem(config, { clock: systemClock, entropy: systemEntropy, observe: () => undefined })
    const facts = await system.store.inspect().finally(() => system.close())
    return facts.map(({ name, ok, detail }) => ({ level: ok ? 'ok' : 'wrong', name, detail }))
  } catch (error) {
    return [{ level: 'wrong', name: 'store', detail: error instanceof Error ? error.message : String(error) }]
  }
}
