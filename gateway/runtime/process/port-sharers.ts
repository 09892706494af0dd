import { closeSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs'
import { isIPv6, type AddressInfo } from 'node:net'

/** State of a listening socket in /proc/net/tcp. */
const listening = '0A'
/** Bytes of /proc/net/tcp that are read at a time, and the most that are read. */
const pieceBytes = 65_536
const maxReadBytes = 1_048_576

/**
 * Returns a check for listening sockets of other processes on a port. Linux distributes connections among all sockets that
 * share a port (SO_REUSEPORT), whichever process of the same user owns them, and does not report it.
 *
 * @param address where this process listens
 * @returns whether there is one; false outside Linux, and if the system does not say
 */
export function createSharerCheck(address: Pick<AddressInfo, 'address' | 'port'>): () => boolean {
  /** Sockets of this process, and of others, by inode. */
  let own: ReadonlySet<string> = new Set()
  let others: ReadonlySet<string> = new Set()
  return () => {
    const found = ['tcp', 'tcp6'].flatMap(table => listeners(table, address))
    // The descriptors of this process are read only when there is something new: there may be many.
    if (!found.every(inode => own.has(inode) || others.has(inode))) {
      own = ownSockets(new Set(found))
      others = new Set(found.filter(inode => !own.has(inode)))
    }
    return found.some(inode => others.has(inode))
  }
}

/** Returns the inodes of the sockets in a table that listen at an address. */
function listeners(table: string, { address, port }: Pick<AddressInfo, 'address' | 'port'>): string[] {
  const wanted = port.toString(16).toUpperCase().padStart(4, '0')
  const inodes: string[] = []
  for (const line of readListening(table).split('\n').slice(1)) {
    const [, local = '', , state, , , , , , inode] = line.trim().split(/ +/)
    const [host = '', at] = local.split(':')
    if (state === listening && at === wanted && inode !== undefined && overlaps(host, address))
      inodes.push(inode)
  }
  return inodes
}

/** Reads the listening sockets of a table, which come first: thousands of connections may follow. */
function readListening(table: string): string {
  let file
  try {
    file = openSync(`/proc/self/net/${table}`, 'r')
  } catch {
    return ''
  }
  try {
    const piece = Buffer.alloc(pieceBytes)
    let text = ''
    for (let size = -1; size !== 0 && text.length < maxReadBytes;) {
      size = readSync(file, piece)
      text += piece.toString('latin1', 0, size)
      const last = text.trimEnd().split('\n').at(-1)!
      if (last.trim().split(/ +/)[3] !== listening && !last.includes('local_address')) break
    }
    return text
  } finally {
    closeSync(file)
  }
}

/** Returns whether a socket may get connections to an address: it listens there, or at every address. */
function overlaps(written: string, address: string): boolean {
  const isOfV6 = written.length > 8
  if (isIPv6(address)) return isOfV6 || address === '::'
  const isEverywhere = /^0+$/.test(written)
  if (isOfV6 && !isEverywhere && !written.startsWith('0000000000000000FFFF0000')) return false
  const bytes = address.split('.').toReversed()
  const own = bytes.map(byte => Number(byte).toString(16).toUpperCase().padStart(2, '0')).join('')
  return isEverywhere || address === '0.0.0.0' || written.endsWith(own)
}

/** Returns the inodes that belong to sockets of this process. */
function ownSockets(inodes: ReadonlySet<string>): Set<string> {
  const own = new Set<string>()
  for (const descriptor of readdirSync('/proc/self/fd')) {
    if (own.size === inodes.size) break
    try {
      const [, inode] = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${descriptor}`)) ?? []
      if (inode !== undefined && inodes.has(inode)) own.add(inode)
    } catch {
      // It was closed in the meantime.
    }
  }
  return own
}
