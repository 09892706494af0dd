import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Returns the command that runs nginx in the foreground. */
export function nginxCommand(conf: string): string[] {
  return ['nginx', '-e', 'stderr', '-c', conf, '-g', 'daemon off;']
}

/**
 * Writes an nginx.conf with one worker and no access log. Everything that nginx writes stays in the folder.
 *
 * @param http more lines for the http block
 * @returns its path
 */
export function nginxConf(folder: string, http: string): string {
  mkdirSync(folder, { recursive: true })
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  const conf = join(folder, 'nginx.conf')
  writeFileSync(
    conf,
    // Only the user of the bench can read the folder, so the worker must not change its user.
    `${process.getuid?.() === 0 ? 'user root;\n' : ''}worker_processes 1;
pid ${join(folder, 'nginx.pid')};
events { worker_connections 16384; }
http {
  access_log off;
  server_tokens off;
  tcp_nodelay on;
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  client_max_body_size 2m;
  client_body_buffer_size 512k;
  ${temporary.map(name => `${name}_temp_path ${join(folder, name)};`).join('\n  ')}
  ${http}
}
`,
  )
  return conf
}

/** Writes the baseline: nginx that forwards everything over connections that stay open. Returns its nginx.conf. */
export function writeProxy(folder: string, port: number, upstream: number): string {
  return nginxConf(
    folder,
    `upstream mcp {
    server 127.0.0.1:${upstream};
    keepalive 256;
    keepalive_requests 1000000000;
  }
  server {
    listen 127.0.0.1:${port} reuseport;
    location / {
      proxy_pass http://mcp;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffers 16 32k;
      proxy_max_temp_file_size 0;
    }
  }`,
  )
}
