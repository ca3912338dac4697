import { accessSync, constants, existsSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Config } from '../config.ts'
import { defaultSpeechModelDir, speechModelFiles } from '../providers/speech-model.ts'
import type { Finding } from './finding.ts'

/** Looks whether the folder of the embedded store can be written to. */
export function checkFolder(dir: string): Finding {
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

/** Looks whether the model of `SPEECH=local` is there. */
export function checkSpeech({ speech }: Config): Finding[] {
  if (speech !== 'local') return []
  const name = 'speech model'
  const missing = Object.values(speechModelFiles).filter(file => !existsSync(join(defaultSpeechModelDir, file)))
  if (missing.length === 0) return [{ level: 'ok', name, detail: `It lies in ${defaultSpeechModelDir}.` }]
  const detail = `SPEECH is local, and ${missing.join(', ')} is missing in ${defaultSpeechModelDir}.`
  return [{ level: 'wrong', name, detail, remedy: 'Fetch it with "npm run demo", or set SPEECH=openai.' }]
}

function nearestExisting(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : nearestExisting(dirname(path))
}
