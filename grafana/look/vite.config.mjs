import react from '@vitejs/plugin-react';

export default {
  plugins: [react()],
  define: { 'process.env.NODE_ENV': '"production"', global: 'globalThis' },
  build: { chunkSizeWarningLimit: 20000 },
  preview: {
    host: '127.0.0.1',
    port: Number(process.env.LOOK_PORT),
    strictPort: true,
    proxy: {
      '/prom': { target: process.env.LOOK_PROMETHEUS, rewrite: (path) => path.replace('/prom', '') },
    },
  },
};
