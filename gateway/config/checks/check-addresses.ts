import { isSkipped, quoteValue } from '../document/locate.ts'
import { parseAddress } from '../../values/units.ts'
import { reportAt, type CheckContext } from './check-context.ts'

const usual = { listen: '127.0.0.1:8080', admin: '127.0.0.1:9090' } as const

/** Checks that the two listeners do not need the same port. */
export function checkAddresses(context: CheckContext): void {
  const { loadContext, config } = context
  const isMalformed = (block: keyof typeof usual): boolean =>
    isSkipped(loadContext, config, [block, 'address'])
  if (isMalformed('listen') || isMalformed('admin')) return
  const listen = config.listen?.address ?? usual.listen
  if (!clash(listen, config.admin?.address ?? usual.admin)) return
  const shown = (block: keyof typeof usual): string => {
    const written = quoteValue(loadContext, config, [block, 'address'])
    return `\`${block}.address\` is ${written === 'nothing' ? `${usual[block]} by default` : written}`
  }
  reportAt(context, 'GH1319', [listen === usual.listen ? 'admin' : 'listen', 'address'], {
    message: `both listeners need the same port: ${shown('listen')}, and ${shown('admin')}`,
    help: 'write another port',
  })
}

function clash(one: string, two: string): boolean {
  const [a, b] = [parseAddress(one), parseAddress(two)]
  if (a.port !== b.port || a.port === 0) return false
  return hostOf(a) === hostOf(b) || [a, b].some(({ host }) => host === '0.0.0.0' || host === '::')
}

function hostOf({ host }: { host: string }): string {
  return host === 'localhost' ? '127.0.0.1' : host
}
