# From images to latent stores. y depends on the model id alone; y_hat on the displacement as well. Both
# are kept at points (latentprint.points), and levels of rate are views of them. Jobs make shards of
# so many images; a shard that is what was asked for already stays (`update`), and its job ends at
# once. What follows reads the shards as one store (join_shards).


rule analyse_images:
    """Encode images to y, the latents before quantisation."""
    input:
        images="<results>/selection.tsv",
        weights=encoder_weights,
    output:
        store=update("<results>/latents/model-{model}/shards/{split}-{shard}.h5"),
        digest=update("<results>/latents/model-{model}/shards/{split}-{shard}.json"),
    log:
        "<logs>/analyse_images/model-{model}/{split}-{shard}.log",
    benchmark:
        "<benchmarks>/analyse_images/model-{model}/{split}-{shard}.tsv"
    conda:
        "../../envs/codec.yaml"
    resources:
        mem_mb=per_attempt(3000),
        runtime=minutes_of("analyse_images"),
        gpu=gpu_wanted,
    params:
        code=code_of("analyse_images"),
        cfg=settings("operating_point", "image_size") | store_settings("shard_images"),
        device=config["device"],
        root=images_root,
        weights=WEIGHTS,
    shell:
        "python -m latentprint.steps.analyse_images"
        " --images {input.images} --split {wildcards.split} --root {params.root:q}"
        " --shard {wildcards.shard} --shard-images {params.cfg[shard_images]}"
        " --image-size {params.cfg[image_size]} --weights {params.weights:q}"
        " --operating-point {params.cfg[operating_point]}"
        " --model {wildcards.model} --device {params.device}"
        " --code {params.code} --output {output.store} 2>&1 | tee -i {log}"


rule match_rates:
    """Find model id and displacement of every image for a rate; only with `rate: match`."""
    input:
        unpack(matcher_inputs),
    output:
        store=update("<results>/latents/bpp-{bpp}/matched/shards/{split}-{shard}.h5"),
        digest=update("<results>/latents/bpp-{bpp}/matched/shards/{split}-{shard}.json"),
    log:
        "<logs>/match_rates/bpp-{bpp}/{split}-{shard}.log",
    benchmark:
        "<benchmarks>/match_rates/bpp-{bpp}/{split}-{shard}.tsv"
    conda:
        "../../envs/codec.yaml"
    resources:
        mem_mb=per_attempt(3000),
        runtime=minutes_of("match_rates"),
        gpu=gpu_wanted,
    params:
        code=code_of("match_rates"),
        cfg=settings("operating_point", "tools", "state"),
        device=config["device"],
        weights=WEIGHTS,
    shell:
        "python -m latentprint.steps.match_rates"
        " --analysed {input.analysed} --bpp {wildcards.bpp} --weights {params.weights:q}"
        " --operating-point {params.cfg[operating_point]} --tools {params.cfg[tools]}"
        " --state {params.cfg[state]} --device {params.device}"
        " --code {params.code} --output {output.store} 2>&1 | tee -i {log}"


checkpoint join_matched:
    """Show the shards of what was matched as one store; then it is known what is quantised."""
    input:
        unpack(matched_shards),
        images="<results>/selection.tsv",
    output:
        store="<results>/latents/bpp-{bpp}/matched/{split}.h5",
        digest="<results>/latents/bpp-{bpp}/matched/{split}.json",
    log:
        "<logs>/join_matched/bpp-{bpp}/{split}.log",
    conda:
        "../../envs/codec.yaml"
    resources:
        mem_mb=per_attempt(1000),
        runtime=minutes_of("join_matched"),
    params:
        code=code_of("join_shards"),
    shell:
        "python -m latentprint.steps.join_shards"
        " --images {input.images} --split {wildcards.split} --shards {input.shards}"
        " --output {output.store} > {log} 2>&1"


rule gather_latents:
    """Gather the y of images that differ in model id, each from the store of its own."""
    input:
        unpack(gathered_inputs),
    output:
        store=update("<results>/latents/{mixed}/shards/{split}-{shard}.h5"),
        digest=update("<results>/latents/{mixed}/shards/{split}-{shard}.json"),
    log:
        "<logs>/gather_latents/{mixed}/{split}-{shard}.log",
    group:
        "gathered"
    conda:
        "../../envs/codec.yaml"
    resources:
        mem_mb=per_attempt(2000),
        runtime=minutes_of("gather_latents"),
    params:
        code=code_of("gather_latents"),
        point=gathered_options,
    shell:
        "python -m latentprint.steps.gather_latents"
        " --analysed {input.analysed} {params.point} --code {params.code}"
        " --output {output.store} > {log} 2>&1"


rule extract_latents:
    """Quantise to y_hat at one point."""
    input:
        unpack(quantiser_inputs),
    output:
        store=update("<results>/latents/{quantised}/shards/{split}-{shard}.h5"),
        digest=update("<results>/latents/{quantised}/shards/{split}-{shard}.json"),
    log:
        "<logs>/extract_latents/{quantised}/{split}-{shard}.log",
    benchmark:
        "<benchmarks>/extract_latents/{quantised}/{split}-{shard}.tsv"
    conda:
        "../../envs/codec.yaml"
    resources:
        mem_mb=per_attempt(3000),
        runtime=minutes_of("extract_latents"),
        gpu=gpu_wanted,
    params:
        code=code_of("extract_latents"),
        cfg=settings("operating_point", "tools", "state", "y_hat")
        | store_settings("extras"),
        point=point_options,
        device=config["device"],
        weights=WEIGHTS,
    shell:
        "python -m latentprint.steps.extract_latents"
        " --analysed {input.analysed} {params.point} --weights {params.weights:q}"
        " --operating-point {params.cfg[operating_point]} --tools {params.cfg[tools]}"
        " --state {params.cfg[state]} --y-hat {params.cfg[y_hat]}"
        " --extras {params.cfg[extras]} --device {params.device}"
        " --code {params.code} --output {output.store} 2>&1 | tee -i {log}"


rule join_shards:
    """Show the shards of a point as one store."""
    input:
        unpack(point_shards),
        images="<results>/selection.tsv",
    output:
        store="<results>/latents/{point}/{split}.h5",
        digest="<results>/latents/{point}/{split}.json",
    log:
        "<logs>/join_shards/{point}/{split}.log",
    group:
        stores_group
    conda:
        "../../envs/codec.yaml"
    resources:
        mem_mb=per_attempt(1000),
        runtime=minutes_of("join_shards"),
    params:
        code=code_of("join_shards"),
    shell:
        "python -m latentprint.steps.join_shards"
        " --images {input.images} --split {wildcards.split} --shards {input.shards}"
        " --output {output.store} > {log} 2>&1"


rule join_level:
    """Show y, y_hat and the rates of one level side by side, as views of where they are kept."""
    input:
        unpack(level_inputs),
        matched=level_matched,
    output:
        store="<results>/latents/bpp-{bpp}/{split}.h5",
        digest="<results>/latents/bpp-{bpp}/{split}.json",
    log:
        "<logs>/join_level/bpp-{bpp}/{split}.log",
    group:
        "stores"
    conda:
        "../../envs/codec.yaml"
    resources:
        mem_mb=per_attempt(1000),
        runtime=minutes_of("join_level"),
    params:
        code=code_of("join_level"),
        cfg=settings("rate"),
        beta=level_beta,
        parts=level_options,
        same_as=same_as,
    shell:
        "python -m latentprint.steps.join_level"
        " --bpp {wildcards.bpp} --rate {params.cfg[rate]} {params.parts} {params.beta}"
        " --same-as {params.same_as} --output {output.store} > {log} 2>&1"
