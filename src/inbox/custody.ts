import type { Clock } from '../frames/clock.ts'
import type { Entropy } from '../frames/entropy.ts'
import { Failure } from '../frames/failure.ts'
import type { AuditOf, AuditRecord } from '../store/audit.ts'
import type { Store } from '../store/store.ts'
import type { ErasedLine } from '../store/transfer.ts'
import type { ContentKeys } from '../vault/content-keys.ts'
import { eraseUser } from './erase-user.ts'
import { exportUser } from './export-user.ts'
import { readPerson } from './person-record.ts'

/** What the operator does with people's data and with the keys. An `address` is a person's, or the pseudonym that the API shows. */
export interface Custody {
  /** All that is kept of a person, as JSON lines, the first of which says whose it is. Throws ACCOUNT_NOT_CONFIGURED. */
  exportUser(address: string, account?: string): AsyncIterable<string>
  /** Destroys a person's keys in every account, or in one; answers a line of the ledger for each. Throws ACCOUNT_NOT_CONFIGURED, STILL_AT_WORK. */
  eraseUser(address: string, account?: string): Promise<(ErasedLine & { cancelled: number })[]>
  /** Wraps every key by MASTER_KEY_NEXT; answers how many. Throws NO_MASTER_KEY_NEXT, KEY_UNAVAILABLE. */
  rotateKeys(): Promise<number>
}

type Said = Pick<AuditRecord, 'tenant' | 'action' | 'outcome' | 'detail'>

/** What custody takes. `isShared`: other processes work on the store too; `toldOf` makes the audit record of an act; `remember` keeps a line of the ledger. */
export interface CustodyParts {
  readonly store: Store
  readonly contentKeys: Pick<ContentKeys, 'mark' | 'destroy'>
  readonly rotate: () => Promise<number>
  readonly pseudonym: (tenant: string, address: string) => string
  readonly tenants: readonly string[]
  readonly isShared: boolean
  readonly clock: Clock
  readonly entropy: Entropy
  readonly auditOf: AuditOf
  readonly toldOf: (id: string, said: Said, now: number) => AuditRecord
  readonly remember: (line: ErasedLine) => Promise<void>
}

/** Puts the acts together over a store. */
export function createCustody(parts: CustodyParts): Custody {
  const { store, clock, entropy } = parts

  async function personsOf(address: string, account?: string): Promise<{ tenant: string; principal: string }[]> {
    const tenants = parts.tenants.filter(tenant => account === undefined || tenant === account)
    if (tenants.length === 0) throw new Failure('ACCOUNT_NOT_CONFIGURED')
    return Promise.all(
      tenants.map(async tenant => {
        const name = isPseudonym.test(address) ? address : parts.pseudonym(tenant, address)
        return { tenant, principal: (await readPerson(store, tenant, name)).person ?? name }
      })
    )
  }

  const tell = (said: Said) => store.audit([parts.toldOf(entropy.id(), said, clock.now())])

  return {
    async *exportUser(address, account) {
      for (const { tenant, principal } of await personsOf(address, account)) {
        await tell({ tenant, action: 'user.export', outcome: 'done', detail: { principal } })
        yield line({ type: 'person', tenant, principal, exportedAt: new Date(clock.now()).toISOString() })
        for await (const one of exportUser(store, { tenant, principal })) yield line(one)
      }
    },
    async eraseUser(address, account) {
      const lines = []
      for (const { tenant, principal } of await personsOf(address, account)) {
        await tell({ tenant, action: 'user.erase', outcome: null, detail: { principal } })
        const { keys, cancelled } = await eraseUser(parts, { tenant, principal })
        const erased = { at: new Date(clock.now()).toISOString(), tenant, user: principal, keys }
        await parts.remember(erased)
        const detail = { principal, keys: keys.length, cancelled }
        await tell({ tenant, action: 'user.erase', outcome: 'done', detail })
        lines.push({ ...erased, cancelled })
      }
      return lines
    },
    async rotateKeys() {
      const count = await parts.rotate()
      await tell({ tenant: 'server', action: 'keys.rotate', outcome: 'done', detail: { keys: count } })
      return count
    }
  }
}

const isPseudonym = /^[\w-]{22}$/

function line(value: object): string {
  return `${JSON.stringify(value)}\n`
}
