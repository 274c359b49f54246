<?php

// app/Populer/SyncCommand.php: `php artisan populer:sync "App\Models\Article"`. Where commands are not found by themselves,
// name it: Artisan::starting(fn ($artisan) => $artisan->resolve(App\Populer\SyncCommand::class));

namespace App\Populer;

use Illuminate\Console\Command;
use Throwable;

class SyncCommand extends Command
{
    private const CHUNK = 500;
    private const TRIES = 4;
    private const PAUSE_MS = 500;

    protected $signature = 'populer:sync {model* : models that describe themselves, such as App\\Models\\Article}';
    protected $description = 'Describe all articles to the Populer service';

    public function handle(Catalogue $catalogue): int
    {
        $stored = 0;
        $refused = [];
        try {
            foreach ($this->argument('model') as $model) {
                (new $model())->newQuery()->chunkById(self::CHUNK, function ($articles) use ($catalogue, &$stored, &$refused): void {
                    $items = $articles->map->listedPopulerItem()->filter()->all();
                    $refused += $items ? retry(self::TRIES, static fn () => $catalogue->describe($items), self::PAUSE_MS) : [];
                    $stored += count($items);
                });
            }
        } catch (Throwable $error) {
            $this->error("{$error->getMessage()} $stored articles were sent; run it again.");
            return 1;
        }
        foreach ($refused as $id => $why) {
            $this->warn("$id: $why");
        }
        $this->info("$stored articles were sent.");
        return $refused ? 1 : 0;
    }
}
