import { incomplete, type Tell, tampered } from './finding.ts'
import { isGenuine, type SignedHead } from './heads.ts'
import type { HeadsFile } from './heads-file.ts'

/** The heads that were signed by the key of the store, by tenant and number. */
export type Heads = ReadonlyMap<string, ReadonlyMap<number, readonly SignedHead[]>>

/** Checks that heads were signed by the key of the store, and answers those that were. */
export function checkHeads(files: readonly HeadsFile[], publicKey: string | null, tell: Tell): Heads {
  const genuine = files.flatMap(({ file, heads, unreadable }) => {
    for (const line of unreadable) {
      tell(incomplete(`line ${line} of ${file}`, 'is no head: a crash cut it off, or it was changed'))
    }
    return heads.filter(head => {
      const flaw = flawIn(head, publicKey)
      if (flaw !== null) tell(tampered(`the head of block ${head.tenant}:${head.n} in ${file}`, flaw))
      return flaw === null
    })
  })
  const byTenant = Map.groupBy(genuine, ({ tenant }) => tenant)
  return new Map([...byTenant].map(([tenant, heads]) => [tenant, Map.groupBy(heads, ({ n }) => n)]))
}

function flawIn(head: SignedHead, publicKey: string | null): string | null {
  if (!isGenuine(head)) return 'is not signed by the key that it names'
  if (publicKey === null)
    return 'is signed, and the store has no key of the audit: it was removed, or this is another store'
  return head.key === publicKey
    ? null
    : 'is signed by another key than that of the store: that was replaced, or this is another store'
}
