import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { signHead } from '../audit/heads.ts'
import { restoreAct } from '../audit/restore-act.ts'
import { readLedgers } from '../backup/erased.ts'
import { type RestoreOptions, restoreBackup, type Verified, verifyBackup } from '../backup/restore.ts'
import { type AuditConfig, readStoreConfig, type StoreConfig } from '../config/store.ts'
import { ledgerIn } from '../custody.ts'
import { systemClock } from '../frames/clock.ts'
import { systemEntropy } from '../frames/entropy.ts'
import { counted, type Screen } from '../screen.ts'
import { appendLines } from '../store/durable-file.ts'
import { openAudit, openTarget, told } from '../transfer.ts'
import { unwrapAuditKey } from '../vault/audit-key.ts'
import { opensIndexKey } from '../vault/index-key.ts'
import { findMasterKeys } from '../vault/master-keys.ts'
import { type Command, onlyArgument } from './command.ts'
import { contents } from './contents.ts'

/**
 * `knomly restore <file>`: fills the configured store, which must be empty, from a backup of either kind of store. What was open
 * comes back as `unknown` and is listed, or goes on with `--resume`. Nothing is written before the whole file was found to be right.
 */
export const restore: Command = async (args, { env, screen }) => {
  const { positionals, values } = parseArgs({
    args,
    allowPositionals: true,
    options: { resume: { type: 'boolean', default: false }, erased: { type: 'string', multiple: true, default: [] } }
  })
  const file = onlyArgument(positionals, 'The file to restore')
  const { resume } = values
  const config = readStoreConfig(env)
  const verified = await verify(file, config)
  const own = ledgerIn(config.dataDir)
  const erased = await readLedgers([...values.erased, ...(existsSync(own) ? [own] : [])])
  const unended = await fill(verified, config, { resume, erased }, screen)
  await tellHeads(config)
  screen.print(`${contents(verified.end.counts)} of ${verified.header.madeAt} are restored.`)
  if (unended > 0) screen.print(resume ? goesOn(unended) : isUnknown(unended))
  if (!resume) screen.print(notAskedFor)
  return 0
}

function verify(file: string, config: StoreConfig): Promise<Verified> {
  const masterKeys = findMasterKeys(config, systemEntropy)
  if (masterKeys === null) {
    throw new Error(
      `There is no master key: set MASTER_KEY to that of the store that was backed up, or put its master.key into ${config.dataDir}.`
    )
  }
  return verifyBackup(file, kept => opensIndexKey(masterKeys, wrappedIn(kept)))
}

async function fill(
  verified: Verified,
  config: StoreConfig,
  { resume, erased }: Pick<RestoreOptions, 'resume' | 'erased'>,
  screen: Screen
): Promise<number> {
  let unended = 0
  const target = await openTarget(config, systemClock)
  const now = systemClock.now()
  const { header, end } = verified
  await restoreBackup(verified, target, {
    resume,
    erased,
    now,
    contentMs: config.contentMs,
    told: restoreAct({ backup: header.backup, resume, counts: end.counts, now }),
    onUnended(id, state) {
      unended += 1
      screen.print(`${state.padEnd(8)} ${id}`)
    }
  })
    .catch(error => {
      throw told(error)
    })
    .finally(() => target.close())
  return unended
}

/** The chains go on here from what the backup held: that is signed, so that it is known from now on. */
async function tellHeads(config: AuditConfig): Promise<void> {
  const source = await openAudit(config)
  try {
    const [kept, masterKeys] = [await source.key(), findMasterKeys(config, systemEntropy)]
    // A backup of before there were blocks has no key: the server makes it.
    if (typeof kept !== 'string' || masterKeys === null) return
    const key = unwrapAuditKey(masterKeys, kept)
    const heads = (await source.heads()).map(head => signHead(head, key, systemClock.now()))
    await appendLines(config.auditHeadsFile, heads)
  } finally {
    await source.close()
  }
}

/** A record's data is JSON; what is none opens nothing. */
function wrappedIn(kept: string): string {
  try {
    return String(JSON.parse(kept))
  } catch {
    return ''
  }
}

function goesOn(count: number): string {
  return `${counted(count, 'message')} had not come to an end: the work goes on when the server starts.`
}

function isUnknown(count: number): string {
  return (
    `${counted(count, 'message')} had not come to an end and may have been answered since: they are "unknown" now and not worked. ` +
    'Send those that still matter back to work with POST /api/inbox/:id/retry.'
  )
}

const notAskedFor =
  'Messages that came after the backup are not in it, and Twilio is not asked for them: the source may have answered them. If the ' +
  'source was stopped before it was backed up, restore into an empty store with --resume instead.'
