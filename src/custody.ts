import { appendFileSync, closeSync, fsyncSync, mkdirSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { custodyAct } from './audit/custody-act.ts'
import type { ErasedLine } from './backup/erased.ts'
import type { Clock } from './frames/clock.ts'
import type { Entropy } from './frames/entropy.ts'
import { Failure } from './frames/failure.ts'
import { eraseUser } from './inbox/erase-user.ts'
import { exportUser } from './inbox/export-user.ts'
import { readPerson } from './inbox/person-record.ts'
import type { KeptStore } from './kept-store.ts'
import type { AuditOf } from './store/audit.ts'
import { pseudonymOf } from './vault/index-key.ts'

/** What the operator does with people's data and with the keys. An `address` is a person's, or the pseudonym that the API shows. */
export interface Custody {
  /** All that is kept of a person, as JSON lines, the first of which says whose it is. */
  exportUser(address: string, account?: string): AsyncIterable<string>
  /** Destroys a person's keys in every account, or in one; answers a line of the ledger for each. */
  eraseUser(address: string, account?: string): Promise<(ErasedLine & { cancelled: number })[]>
  /** Wraps every key by MASTER_KEY_NEXT; answers how many. */
  rotateKeys(): Promise<number>
}

/** The file of the ledger of erasures in a data folder. */
export function ledgerIn(dataDir: string): string {
  return join(dataDir, 'erased.jsonl')
}

/** Puts the acts together over an opened store. */
export function createCustody(
  kept: KeptStore,
  parts: { clock: Clock; entropy: Entropy; auditOf: AuditOf; dataDir: string; tenants: readonly string[] }
): Custody {
  const { store, indexKey, contentKeys } = kept
  const { clock, entropy, auditOf, dataDir } = parts

  async function personsOf(address: string, account?: string): Promise<{ tenant: string; principal: string }[]> {
    const tenants = parts.tenants.filter(tenant => account === undefined || tenant === account)
    if (tenants.length === 0) throw new Failure('ACCOUNT_NOT_CONFIGURED')
    return Promise.all(
      tenants.map(async tenant => {
        const name = isPseudonym.test(address) ? address : pseudonymOf(indexKey, tenant, address)
        return { tenant, principal: (await readPerson(store, tenant, name)).person ?? name }
      })
    )
  }

  const tell = (tenant: string, action: string, outcome: string | null, detail: Record<string, string | number>) =>
    store.audit([custodyAct(entropy.id(), { tenant, action, outcome, detail }, clock.now())])

  return {
    async *exportUser(address, account) {
      for (const { tenant, principal } of await personsOf(address, account)) {
        await tell(tenant, 'user.export', 'done', { principal })
        yield line({ type: 'person', tenant, principal, exportedAt: new Date(clock.now()).toISOString() })
        for await (const one of exportUser(store, { tenant, principal })) yield line(one)
      }
    },
    async eraseUser(address, account) {
      const lines = []
      for (const { tenant, principal } of await personsOf(address, account)) {
        await tell(tenant, 'user.erase', null, { principal })
        const how = { store, contentKeys, clock, entropy, auditOf, isShared: kept.name === 'mongodb' }
        const { keys, cancelled } = await eraseUser(how, { tenant, principal })
        const erased = { at: new Date(clock.now()).toISOString(), tenant, user: principal, keys }
        append(dataDir, line(erased))
        await tell(tenant, 'user.erase', 'done', { principal, keys: keys.length, cancelled })
        lines.push({ ...erased, cancelled })
      }
      return lines
    },
    async rotateKeys() {
      const count = await kept.rotate()
      await tell('server', 'keys.rotate', 'done', { keys: count })
      return count
    }
  }
}

const isPseudonym = /^[\w-]{22}$/

function line(value: object): string {
  return `${JSON.stringify(value)}\n`
}

function append(dataDir: string, text: string): void {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const descriptor = openSync(ledgerIn(dataDir), 'a', 0o600)
  try {
    appendFileSync(descriptor, text)
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
