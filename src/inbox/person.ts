import type { Message } from '../frames/kinds.ts'
import type { Store } from '../store/store.ts'
import { changePerson, readPerson } from './person-record.ts'

/**
 * The one pseudonym of a person who may write under two names, and whether they want no messages. The names are an address with a
 * phone number, and a user id that stays when the number is hidden (WhatsApp usernames). Whichever came first keeps the
 * conversation; the other is linked to it.
 */
export async function resolvePerson(
  { store, pseudonym }: { store: Store; pseudonym: (tenant: string, address: string) => string },
  tenant: string,
  message: Message
): Promise<{ principal: string; isClosed: boolean }> {
  const own = pseudonym(tenant, message.from)
  const names = message.externalUser === undefined ? [own] : [own, pseudonym(tenant, message.externalUser)]
  const records = await Promise.all(names.map(name => readPerson(store, tenant, name)))
  const principal = records.find(record => record.person !== undefined)?.person ?? own
  // Only an address without a number can turn up under another name later.
  if (names.length > 1 || !hasNumber(message.from)) {
    for (const [i, name] of names.entries()) {
      if (records[i]?.person !== undefined) continue
      await changePerson(store, tenant, name, record =>
        record.person === undefined ? { ...record, person: principal } : record
      )
    }
  }
  const known = records[names.indexOf(principal)] ?? (await readPerson(store, tenant, principal))
  return { principal, isClosed: known.closedAt !== undefined }
}

function hasNumber(address: string): boolean {
  return /^(\w+:)?\+?\d+$/.test(address)
}
