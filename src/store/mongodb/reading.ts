import { ReadConcern } from 'mongodb'
import { type Collections, collectionsOf } from './collections.ts'
import { createClient, createReach, databaseIn, housekeepingMs, longestOfCopyMs, type Reach } from './connection.ts'
import { checkVersion } from './inspect.ts'

/** What most members have, as the primary sees it: nothing that a failover takes back is read. */
const whatStays = { readConcern: new ReadConcern('majority') }

/** A store on a replica set that is only read. */
export interface ReadStore {
  readonly reach: Reach
  readonly collections: Collections
  close(): Promise<void>
}

/**
 * Opens the store on a replica set to read all of it. Nothing is written. Rejects with STORE_UNAVAILABLE where nobody answers, and
 * with a plain Error for a URI that cannot be read and for a database that holds no store of this version.
 */
export async function openForReading(uri: string): Promise<ReadStore> {
  const client = createClient(uri, longestOfCopyMs)
  let closed = false
  const reach = createReach(() => closed, housekeepingMs)
  const collections = collectionsOf(client.db(databaseIn(uri) ?? 'knomly', whatStays))
  const close = async () => {
    closed = true
    await client.close()
  }
  try {
    if (!(await reach(() => checkVersion(collections)))) {
      throw new Error(
        'The database of MONGODB_URI holds no store: name the one of the server whose store is to be read.'
      )
    }
    return { reach, collections, close }
  } catch (error) {
    await close()
    throw error
  }
}
