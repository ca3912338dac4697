import { randomUUID } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { Finding } from '../../../src/audit/finding.ts'
import { verifyStore } from '../../../src/audit/verify-store.ts'
import { openAudit } from '../../../src/transfer.ts'
import { databaseOn } from '../../mongod.ts'
import { startProcess, until } from '../../stage.ts'
import type { Teardown } from '../field.ts'
import { openStoreOf } from '../open-store.ts'
import { randomOf } from '../plan.ts'
import type { OnStore, Setting } from '../setting.ts'
import type { Report } from '../verdict.ts'

const lifeMs = 1_000
const napMs = 1_500

/**
 * C17: several processes (one on the embedded store) tell and seal at once; in each round one dies between a block and its mark and
 * another sleeps with a block in its hand, or it is killed at any instant. No chain forks, and what was acknowledged is in one block.
 */
export async function sealers(
  t: Teardown,
  { cluster, seed }: OnStore & Pick<Setting, 'seed'>,
  rounds: number
): Promise<Report> {
  const dir = mkdtempSync(join(tmpdir(), 'knomly-sealers-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  const uri = cluster === null ? undefined : databaseOn(cluster.uri, `sealers-${randomUUID()}`)
  const file = join(dir, 'told')
  const random = randomOf(seed)
  const struck = { kills: 0, pauses: 0 }

  async function live(name: string, strike: 'kill' | 'pause' | 'none'): Promise<void> {
    const env = {
      ...{
        SEALER_FILE: file,
        SEALER_NAME: name,
        SEALER_STRIKE: strike,
        SEALER_AT: String(1 + Math.floor(random() * 4))
      },
      ...{ DATA_DIR: join(dir, 'data'), ...(uri !== undefined && { MONGODB_URI: uri }) }
    }
    const sealer = startProcess('test/chaos/sealer-entry.ts', env)
    t.teardown(() => sealer.kill('SIGKILL'))
    await until(() => sealer.output().includes('ready'), 30_000, sealer)
    if (strike === 'kill' && uri !== undefined) {
      const isDead = await Promise.race([sealer.exited.then(() => true), wait(30_000, false)])
      struck.kills += Number(isDead)
      return
    }
    if (strike === 'pause' && (await isAsleep(sealer.pid))) {
      struck.pauses += 1
      await wait(napMs)
      process.kill(sealer.pid, 'SIGCONT')
    }
    await wait(lifeMs * (0.5 + random()))
    await sealer.kill('SIGKILL')
    struck.kills += 1
  }

  for (let round = 0; round < rounds; round++) {
    const strikes = uri === undefined ? (['none'] as const) : (['kill', 'pause', 'none'] as const)
    await Promise.all(strikes.map(strike => live(`${round}-${strike}`, strike)))
  }
  return judged(
    { uri, dir: join(dir, 'data') },
    existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : [],
    struck
  )
}

/** Whether a process was stopped, before long. */
async function isAsleep(pid: number): Promise<boolean> {
  const state = () => /^State:\s+T/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return until(state, 30_000).then(
    () => true,
    () => false
  )
}

async function judged(
  ground: { uri: string | undefined; dir: string },
  told: readonly string[],
  struck: Report['struck']
): Promise<Report> {
  const store = await openStoreOf(ground)
  await store.seal().finally(() => store.close())
  const source = await openAudit({
    databaseUri: ground.uri,
    dataDir: ground.dir,
    masterKey: undefined,
    masterKeyNext: undefined,
    contentMs: 0
  })
  const findings: Finding[] = []
  const tell = (finding: Finding) => void findings.push(finding)
  const sealed = new Set<string>()
  try {
    const rules = { from: 1, files: [], publicKey: null, open: null, expiredBefore: 0, now: Date.now() + 120_000, tell }
    const { chains } = await verifyStore(source, rules)
    for await (const { id, block } of source.marks()) if (block !== null) sealed.add(id)
    const lost = told.filter(id => !sealed.has(id))
    const amiss = findings.filter(({ where }) => !['The file of heads', 'The master key'].includes(where))
    const none = { doubled: 0, disordered: 0, rerun: 0, fenced: 0, unknown: 0 }
    return {
      case: 'C17 sealers at once, killed between block and mark',
      ...{ struck, acknowledged: told.length, lost: lost.length, ...none },
      gaps: amiss.length,
      remark: chains.map(({ last, records }) => `${records} records in ${last.n} blocks`).join(', '),
      problems: [
        ...amiss.map(({ where, what }) => `${where} ${what}`),
        ...lost.slice(0, 5).map(id => `${id} was acknowledged and is in no block`),
        ...(told.length > 0 ? [] : ['nothing was told'])
      ]
    }
  } finally {
    await source.close()
  }
}
